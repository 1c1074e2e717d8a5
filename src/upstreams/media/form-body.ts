import { joinedBytes, utf8 } from '../../kernel/bytes.ts';
import type { JsonObject } from '../protocol/json.ts';

/** A file of a form. */
export interface FormFile {
  /** The name of its part, such as `image[]`. */
  readonly field: string;
  readonly filename: string;
  /** Empty: its sender says none. */
  readonly contentType: string;
  readonly bytes: Uint8Array;
}

/** What a call sends besides the fields of its form. */
export interface CallForm {
  readonly files: readonly FormFile[];
  /** Made at random, so that no file has it. */
  readonly boundary: string;
}

/** A form as one target is sent it (RFC 7578): the fields of the body, a list as one part for each of its elements, and the files. */
export function formBody(fields: JsonObject, { files, boundary }: CallForm): Uint8Array {
  const parts: Uint8Array[] = [];
  const part = (name: string, more: string, content: Uint8Array): void => {
    parts.push(utf8(`--${boundary}\r\ncontent-disposition: form-data; name="${escaped(name)}"${more}\r\n\r\n`), content, utf8('\r\n'));
  };
  for (const [name, value] of Object.entries(fields)) for (const text of textsOf(value)) part(name, '', utf8(text));
  for (const { field, filename, contentType, bytes } of files) {
    const type = contentType === '' ? 'application/octet-stream' : contentType;
    part(field, `; filename="${escaped(filename)}"\r\ncontent-type: ${type}`, bytes);
  }
  parts.push(utf8(`--${boundary}--\r\n`));
  return joinedBytes(parts);
}

/** A field as its parts have it; one without a value has none. */
const textsOf = (value: unknown): readonly string[] =>
  (Array.isArray(value) ? (value as unknown[]) : [value]).flatMap((one) => (one === undefined || one === null ? [] : [textOf(one)]));

const textOf = (value: {}): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** As browsers write names (WHATWG HTML, "multipart form data"). */
const escaped = (name: string): string => name.replaceAll('"', '%22').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
