// The light build (no subtitles, no alternate audio, no DRM) has the full one's types for all that we use.
declare module "hls.js/light" {
  export { default } from "hls.js";
}
