// Runs in a page before its own scripts, and looks at nothing but the pictures that it shows.
// Leaves `window.observed()`: start-up (s from the beginning of the navigation to the first picture), latencies (s, from
// the clock in the picture, read twice a second; the strip is that of peer/media/pattern.py) with what the page's player, if it
// is ours, said at the same pictures, and stalls so far.
(() => {
  /** More than this without a new picture while playing is a stall, s. */
  const STALL = 0.2;
  const READ_EVERY = 0.5;
  /** Milliseconds between two looks: to be told of every picture would cost the page a sixth of its time. */
  const LOOK_EVERY = 150;
  const found = { startup: null, stalls: [], skipped: 0, latencies: [], said: [] };
  let video = null;
  let context = null;
  let last = null;
  /** Seconds of media between pictures, as a rule. */
  let interval = 0;
  let readAt = 0;
  let begin = null;

  /** Milliseconds of the clock in the picture; null where it cannot be read, or is no longer the one that was told of. */
  const captured = (mediaTime) => {
    const picture = new VideoFrame(video);
    try {
      if (Math.abs(picture.timestamp / 1e6 - mediaTime) > 0.001) return null;
      const { displayWidth: width, displayHeight: height } = picture;
      if (context === null || context.canvas.width !== width) {
        context = new OffscreenCanvas(width, 1).getContext("2d", { willReadFrequently: true });
      }
      context.drawImage(picture, 0, height - Math.floor(height / 36), width, 1, 0, 0, width, 1);
      const { data } = context.getImageData(0, 0, width, 1);
      let word = 0n;
      for (let cell = 0; cell < 48; cell += 1) {
        const x = Math.floor(((2 * cell + 1) * width) / 96);
        word = (word << 1n) | BigInt(data[4 * x + 1] > 126);
      }
      const milliseconds = (word >> 8n) & 0xffffffffn;
      const check = [0n, 8n, 16n, 24n].reduce((sum, bits) => sum ^ ((milliseconds >> bits) & 255n), 0n);
      return word >> 40n === 0b10110100n && (word & 255n) === check ? Number(milliseconds) : null;
    } finally {
      picture.close();
    }
  };

  const look = (_, frame) => {
    setTimeout(() => video.requestVideoFrameCallback(look), LOOK_EVERY);
    const shown = frame.presentationTime / 1000;
    const { mediaTime, presentedFrames: presented } = frame;
    found.startup ??= frame.expectedDisplayTime / 1000;
    begin();
    if (last !== null && !video.paused) {
      const elapsed = shown - last.shown;
      const step = mediaTime - last.mediaTime;
      const pictures = presented - last.presented;
      if (pictures > 0 && step > 0 && step / pictures < 0.5) {
        interval = interval === 0 ? step / pictures : interval + 0.1 * (step / pictures - interval);
      }
      // Those in between did move.
      const waited = elapsed - (pictures - 1) * interval;
      if (waited > STALL) found.stalls.push({ at: shown, seconds: waited });
      if (Math.abs(step - elapsed) > 1) found.skipped += Math.max(0, step - elapsed);
    }
    last = { shown, mediaTime, presented };
    if (shown - readAt < READ_EVERY) return;
    const at = captured(mediaTime);
    if (at === null) return; // the next picture is tried
    readAt = shown;
    const wall = Math.round(performance.timeOrigin + frame.expectedDisplayTime);
    // Both clocks are this machine's.
    const latency = (((wall - at) % 2 ** 32) + 2 ** 32) % 2 ** 32 / 1000;
    setTimeout(() => {
      // The player has heard of this picture, or of one just before.
      found.latencies.push(latency);
      found.said.push(document.querySelector("braidcast-player")?.stats.liveLatency ?? null);
    });
  };

  const find = () => {
    video =
      document.querySelector("video") ??
      document.querySelector("braidcast-player")?.renderRoot?.querySelector("video") ??
      null;
    if (video === null) requestAnimationFrame(find);
    else video.requestVideoFrameCallback(look);
  };
  requestAnimationFrame(find);

  window.observed = () => {
    const waiting = last === null || video.paused ? 0 : performance.now() / 1000 - last.shown;
    const open = waiting > STALL ? [{ at: last.shown + waiting, seconds: waiting }] : [];
    return { ...found, stalls: [...found.stalls, ...open] };
  };
  /** Comes true with the first picture. */
  window.observed.begun = new Promise((resolve) => {
    begin = () => resolve(true);
  });
})();
