import { type SVGTemplateResult, svg } from "lit";

const icon = (paths: SVGTemplateResult) =>
  svg`<svg viewBox="0 0 24 24" width="24" height="24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${paths}</svg>`;

export const play = icon(svg`<path d="M7 4.5v15l12-7.5z" fill="currentColor"/>`);
export const pause = icon(svg`<path d="M8 5v14M16 5v14" stroke-width="3.5"/>`);
const speaker = svg`<path d="M4 9.5v5h3.5L12 18.5v-13L7.5 9.5z" fill="currentColor"/>`;
export const sound = icon(svg`${speaker}<path d="M15.5 9a4 4 0 0 1 0 6M18 6.5a8 8 0 0 1 0 11"/>`);
export const muted = icon(svg`${speaker}<path d="m16 9.5 5 5m0-5-5 5"/>`);
export const fullscreen = icon(svg`<path d="M4 9V4h5M20 9V4h-5M4 15v5h5M20 15v5h-5"/>`);
export const pictureInPicture = icon(
  svg`<rect x="3" y="5" width="18" height="14" rx="2"/><rect x="12" y="12" width="6" height="4" fill="currentColor"/>`,
);
