import { type CSSResult, unsafeCSS } from "lit";
import elements from "./elements.css?inline";
import hues from "./hues.css?inline";
import tokens from "./tokens.css?inline";

const shared = unsafeCSS(tokens + elements + hues);

/** Style sheets of an element: the design system and its own. */
export function sheets(own: string): CSSResult[] {
  return [shared, unsafeCSS(own)];
}
