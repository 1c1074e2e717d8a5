import type { z } from 'zod';

import type { MultipartBody } from '../../../src/contract/api/endpoint.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import { FILE_LIMITS } from '../../../src/contract/files/file-limits.ts';
import type { FormPart } from '../../../src/contract/files/form-part.ts';
import { fieldText, readPartHead } from '../../../src/contract/files/form-part.ts';
import { refuseBeyond } from '../../../src/contract/limits/limit-refusal.ts';
import { joinedBytes } from '../../../src/kernel/bytes.ts';
import { MultipartSplitter } from '../../../src/kernel/multipart-splitter.ts';
import { ok } from '../../../src/kernel/result.ts';
import type { FormFile } from '../../../src/upstreams/media/form-body.ts';
import type { BodyIntake } from './body-intake.ts';
import { codingOf } from './content-coding.ts';
import { boundaryOf, malformed } from './streamed-form.ts';

/** A form that is in memory. */
export interface WholeForm {
  /** As the schema makes them, without the files. A name that comes more than once has the list of its texts. */
  readonly fields: Record<string, unknown>;
  readonly files: readonly FormFile[];
}

/** What a form takes of memory for each of its bytes: as it came, and as it is sent on. */
const MEMORY_FACTOR = 2;

/** Reads and validates a form with any files, whole, in memory that `intake` holds. Refuses as `readBody` does. [G135] */
export async function readFormWhole(
  { headers }: Request,
  intake: BodyIntake,
  body: MultipartBody<z.core.$ZodType<Record<string, unknown>>>,
): Promise<Outcome<WholeForm>> {
  const boundary = boundaryOf(headers.get('content-type') ?? '');
  if (boundary === undefined) return refuse('invalid_value', 'has no boundary of 1 to 70 characters', 'content-type');
  const coding = codingOf(headers);
  if (!coding.ok) return coding;
  const bytes = await intake.whole(body.bytesMax, MEMORY_FACTOR, coding.value);
  if (!bytes.ok) return bytes;
  const parts = partsOf(bytes.value, boundary);
  if (!parts.ok) return parts;
  const sent: Record<string, unknown> = {};
  const files: FormFile[] = [];
  for (const { part, content } of parts.value) {
    let value: unknown;
    if (part.filename === undefined) {
      const text = fieldText(part.name, content);
      if (!text.ok) return text;
      ({ value } = text);
    } else {
      files.push({ field: part.name, filename: part.filename, contentType: part.contentType ?? '', bytes: content });
      value = { size: content.length };
    }
    const known = sent[part.name];
    sent[part.name] = known === undefined ? value : [...(Array.isArray(known) ? (known as unknown[]) : [known]), value];
  }
  const fields = parse(body.schema, sent);
  if (!fields.ok) return fields;
  const isFile = new Set(files.map(({ field }) => field));
  return ok({ fields: Object.fromEntries(Object.entries(fields.value).filter(([name]) => !isFile.has(name))), files });
}

interface ReadPart {
  readonly part: FormPart;
  readonly content: Uint8Array;
}

/** The parts in their order. Their contents are views of the body where they can be. */
function partsOf(body: Uint8Array, boundary: string): Outcome<readonly ReadPart[]> {
  const splitter = new MultipartSplitter(boundary, FILE_LIMITS.formHeadBytesMax);
  const parts: ReadPart[] = [];
  let part: FormPart = { name: '', filename: undefined };
  let content: Uint8Array[] = [];
  for (const piece of splitter.push(body)) {
    if (piece.kind === 'content') content.push(piece.bytes);
    else if (piece.kind === 'part') {
      const head = readPartHead(piece.head);
      if (!head.ok) return head;
      [part, content] = [head.value, []];
      // An object's own names, such as `__proto__`, are no fields.
      if (Object.hasOwn(Object.prototype, part.name)) return refuse('invalid_value', 'is no name of a field', part.name);
    } else {
      parts.push({ part, content: joined(content) });
      if (parts.length > FILE_LIMITS.formPartsMaxCount)
        return refuseBeyond({ limit: 'formPartsMaxCount', what: `the form has more than ${FILE_LIMITS.formPartsMaxCount} parts` });
    }
  }
  if (splitter.fault !== undefined) return malformed(splitter.fault);
  return splitter.isComplete ? ok(parts) : malformed('malformed');
}

/** One piece is a view of the body, which is not copied. */
const joined = (pieces: readonly Uint8Array[]): Uint8Array => (pieces.length === 1 ? pieces[0] : undefined) ?? joinedBytes(pieces);
