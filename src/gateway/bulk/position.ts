/** A place between two lines of an import. */
export interface Position {
  /** Lines before it. */
  readonly lines: number;
  /** Bytes before it. */
  readonly bytes: number;
}

export const behind = ({ lines, bytes }: Position, line: { readonly bytes: number }): Position => ({
  lines: lines + 1,
  bytes: bytes + line.bytes,
});
