/** What the sharing of files asks its shell to do besides sending. File ids are 64 hex digits. */

import type { Reject, Send } from "./actions.ts";

/** Read a piece of a file that is kept, for `peer`; answer with `pieceRead`. */
export interface ReadPiece {
  readonly type: "readPiece";
  readonly peer: string;
  readonly file: string;
  readonly piece: number;
}

/** Keep a piece, which is proved; answer with `written`. */
export interface WritePiece {
  readonly type: "writePiece";
  readonly file: string;
  readonly piece: number;
  readonly data: Uint8Array;
}

/** All of a file is kept. */
export interface FileDone {
  readonly type: "fileDone";
  readonly file: string;
}

/** A file cannot be had; `sentence` is for a person. */
export interface FileFailed {
  readonly type: "fileFailed";
  readonly file: string;
  readonly sentence: string;
}

/** Of a file nothing came for long while another waited, which comes now: ask for it again later. */
export interface FilePutOff {
  readonly type: "filePutOff";
  readonly file: string;
}

/** Few linked peers have what is wanted: links to more would help. */
export interface FindCompany {
  readonly type: "findCompany";
}

export type FileAction =
  | Send
  | Reject
  | ReadPiece
  | WritePiece
  | FileDone
  | FileFailed
  | FilePutOff
  | FindCompany;
