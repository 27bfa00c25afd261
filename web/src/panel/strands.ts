import { html, nothing, type SVGTemplateResult, svg, type TemplateResult } from "lit";

/** Who feeds me, and whom I feed, by stripe. */
export interface Strands {
  parents: readonly (string | null)[];
  children: readonly (readonly string[])[];
}

export interface Node {
  peer: string;
  name: string;
  role: "viewer" | "publisher" | "relay" | "member";
}

const WIDTH = 320;
const ROW = 34;
const TOP = 26;
/** Rows drawn on a side; the list below the drawing has them all. */
const ROWS = 8;
const NODE = 98;

interface Placed extends Node {
  y: number;
  stripes: number[];
}

/** Peers of one side in the order of the stripes, each with the stripes that it has to do with. */
export function sideOf(
  peers: readonly (readonly (string | null)[])[],
  nodeOf: (peer: string) => Node,
): Omit<Placed, "y">[] {
  const side = new Map<string, Omit<Placed, "y">>();
  peers.forEach((ofStripe, stripe) => {
    for (const peer of ofStripe) {
      if (peer === null) continue;
      const node = side.get(peer) ?? { ...nodeOf(peer), stripes: [] };
      node.stripes.push(stripe);
      side.set(peer, node);
    }
  });
  return [...side.values()];
}

function placed(side: Omit<Placed, "y">[], height: number): Placed[] {
  const shown = side.slice(0, ROWS);
  const first = TOP + (height - TOP - shown.length * ROW) / 2 + ROW / 2;
  return shown.map((node, row) => ({ ...node, y: first + row * ROW }));
}

/** A drawing of the strands that come in at the left and go on at the right, and the same in words. */
export function strandsView(strands: Strands, nodeOf: (peer: string) => Node): TemplateResult {
  const parents = sideOf(
    strands.parents.map((parent) => [parent]),
    nodeOf,
  );
  const children = sideOf(strands.children, nodeOf);
  const rows = Math.min(ROWS, Math.max(parents.length, children.length, 2));
  const height = TOP + rows * ROW + 6;
  const middle = TOP + (height - TOP) / 2;
  const left = placed(parents, height);
  const right = placed(children, height);
  return html`
    <svg class="strands" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Who feeds whom; the list below says the same in words">
      <text class="head" x="4" y="14">Feeds you</text>
      <text class="head" x=${WIDTH - 4} y="14" text-anchor="end">You feed</text>
      ${left.flatMap((node) => node.stripes.map((stripe) => strand(NODE, node.y, WIDTH / 2 - 20, middle, stripe)))}
      ${right.flatMap((node) => node.stripes.map((stripe) => strand(WIDTH / 2 + 20, middle, WIDTH - NODE, node.y, stripe)))}
      ${left.map((node) => nodeView(node, 0))}
      ${right.map((node) => nodeView(node, WIDTH - NODE))}
      <circle class="you" cx=${WIDTH / 2} cy=${middle} r="21"></circle>
      <text class="you-text" x=${WIDTH / 2} y=${middle + 4} text-anchor="middle">You</text>
      ${left.length === 0 ? svg`<text class="none" x="4" y=${middle + 4}>nobody yet</text>` : nothing}
      ${right.length === 0 ? svg`<text class="none" x=${WIDTH - 4} y=${middle + 4} text-anchor="end">nobody yet</text>` : nothing}
    </svg>
    <details>
      <summary>As a list</summary>
      <ol class="stripes">
        ${strands.parents.map((parent, stripe) => {
          const fed = strands.children[stripe] ?? [];
          return html`<li><span class="key strand-${stripe % 4}"></span>Stripe ${stripe + 1}: from
            <b>${parent === null ? "nobody at the moment" : nodeOf(parent).name}</b>,
            to <b>${fed.length === 0 ? "nobody" : fed.map((peer) => nodeOf(peer).name).join(", ")}</b></li>`;
        })}
      </ol>
    </details>`;
}

function strand(x1: number, y1: number, x2: number, y2: number, stripe: number): SVGTemplateResult {
  const shift = (stripe % 4) * 3 - 4.5;
  const half = (x1 + x2) / 2;
  const path = `M${x1} ${y1 + shift}C${half} ${y1 + shift} ${half} ${y2 + shift} ${x2} ${y2 + shift}`;
  return svg`<path class="strand strand-${stripe % 4}" d=${path}></path>`;
}

function nodeView(node: Placed, x: number): SVGTemplateResult {
  const name = node.name.length > 13 ? `${node.name.slice(0, 12)}…` : node.name;
  return svg`<g class="node ${node.role}"><title>${node.name}, ${node.role}</title>
    <rect x=${x + 0.5} y=${node.y - 13} width=${NODE - 1} height="26" rx="8"></rect>
    <text x=${x + NODE / 2} y=${node.y + 4} text-anchor="middle">${name}</text></g>`;
}
