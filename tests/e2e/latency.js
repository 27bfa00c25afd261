// For some frames: the player's word for the latency, and what the clock in the picture says of it, in seconds.
// The strip is that of peer/media/pattern.py: 8 bits to find it, 32 of milliseconds on the publisher's clock, 8 to check.
(count) => {
  const player = document.querySelector("braidcast-player");
  const video = player.renderRoot.querySelector("video");
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const row = canvas.height - Math.floor(canvas.height / 36);

  const captured = () => {
    context.drawImage(video, 0, 0);
    const { data } = context.getImageData(0, row, canvas.width, 1);
    let word = 0n;
    for (let cell = 0; cell < 48; cell += 1) {
      const x = Math.floor(((2 * cell + 1) * canvas.width) / 96);
      word = (word << 1n) | BigInt(data[4 * x + 1] > 126);
    }
    const milliseconds = (word >> 8n) & 0xffffffffn;
    const check = [0n, 8n, 16n, 24n].reduce((sum, bits) => sum ^ ((milliseconds >> bits) & 255n), 0n);
    return word >> 40n === 0b10110100n && (word & 255n) === check ? Number(milliseconds) : null;
  };

  return new Promise((resolve) => {
    const found = [];
    const look = (_, frame) => {
      video.requestVideoFrameCallback(look);
      const at = captured();
      const { liveLatency } = player.stats;
      if (at !== null && liveLatency !== null) {
        // The machine's own clock, whatever the page believes; a test of wrong clocks keeps it here.
        const wall = (window.trueTimeOrigin ?? performance.timeOrigin) + frame.expectedDisplayTime;
        found.push({ said: liveLatency, seen: ((Math.round(wall) - at) % 2 ** 32) / 1000 });
      }
      if (found.length === count) resolve(found);
    };
    video.requestVideoFrameCallback(look);
  });
}
