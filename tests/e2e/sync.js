// Pairs of a flash in the corner of the picture and a beep (tests/time_code.py), as they leave the page: by how many seconds the
// beep is later. Needs a video that is not muted.
(count) => {
  const video = document.querySelector("braidcast-player").renderRoot.querySelector("video");
  const corner = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const audio = new AudioContext();
  const analyser = new AnalyserNode(audio, { fftSize: 8192 });
  audio.createMediaElementSource(video).connect(analyser).connect(audio.destination);
  const samples = new Float32Array(analyser.fftSize);
  /** A beep begins after so long a silence, s; no two are nearer than half a second. */
  const SILENCE = 0.02;
  const [flashes, beeps] = [[], []];
  /** From the sound's clock to that of the page, s: the least that was seen, for reading them takes time. */
  let ahead = Number.POSITIVE_INFINITY;
  let running = true;

  const look = (_, frame) => {
    if (!running) return;
    video.requestVideoFrameCallback(look);
    corner.drawImage(video, video.videoWidth / 8, video.videoHeight / 8, 1, 1, 0, 0, 1, 1);
    const white = corner.getImageData(0, 0, 1, 1).data.slice(0, 3).every((value) => value > 235);
    const at = frame.expectedDisplayTime / 1000;
    if (white && at - (flashes.at(-1) ?? 0) > 0.5) flashes.push(at);
  };
  video.requestVideoFrameCallback(look);

  const listen = () => {
    analyser.getFloatTimeDomainData(samples);
    const now = audio.currentTime;
    ahead = Math.min(ahead, performance.now() / 1000 - now);
    let quiet = 0;
    for (let index = 0; index < samples.length; index += 1) {
      if (Math.abs(samples[index]) < 0.02) quiet += 1;
      else {
        const at = now - (samples.length - index) / audio.sampleRate;
        if (quiet > SILENCE * audio.sampleRate && at - (beeps.at(-1) ?? -1) > 0.5) beeps.push(at);
        quiet = 0;
      }
    }
  };

  return new Promise((resolve) => {
    const timer = setInterval(() => {
      listen();
      if (flashes.length < count || beeps.length < count) return;
      clearInterval(timer);
      running = false;
      const later = flashes.flatMap((flash) => {
        const nearest = beeps.map((beep) => beep + ahead - flash).filter((each) => Math.abs(each) < 0.45);
        return nearest.length === 0 ? [] : [nearest[0]];
      });
      resolve(later);
    }, 50);
  });
}
