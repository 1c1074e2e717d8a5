import type { z } from 'zod';

import type { MultipartBody } from '../../../src/contract/api/endpoint.ts';
import { RefusedStream } from '../../../src/contract/api/errors.ts';
import type { FormPart } from '../../../src/contract/files/form-part.ts';
import { fieldText, readPartHead } from '../../../src/contract/files/form-part.ts';
import { FILE_LIMITS } from '../../../src/contract/files/file-limits.ts';
import type { Outcome } from '../../../src/contract/api/outcome.ts';
import { refuse } from '../../../src/contract/api/outcome.ts';
import { refuseBeyond } from '../../../src/contract/limits/limit-refusal.ts';
import { parse } from '../../../src/contract/api/parse.ts';
import type { ContentSink } from '../../../src/gateway/files/file-store.ts';
import { joinedBytes } from '../../../src/kernel/bytes.ts';
import type { MultipartFault } from '../../../src/kernel/multipart-splitter.ts';
import { MultipartSplitter } from '../../../src/kernel/multipart-splitter.ts';
import { err, ok } from '../../../src/kernel/result.ts';
import type { Caller } from '../../../src/contract/api/principal.ts';
import type { BodyParts } from './body-intake.ts';
import { BodyIntake, bodyOwner, tooLarge } from './body-intake.ts';
import { codingOf } from './content-coding.ts';
import { eachOnce } from './request-fields.ts';

/** What a form says of its file; the content went into the sink. */
export interface FormFile {
  readonly name: string;
  readonly size: number;
}

/**
 * Reads and validates a form whose file goes into `sink` as it arrives: neither the body nor the file is held. Its fields may come before the
 * file or behind it, so what they say is known only at the end. Refuses as `readBody` does, and as the sink does. [G14]
 */
export async function readForm<S extends z.core.$ZodType>(
  { headers }: Request,
  intake: BodyIntake,
  body: MultipartBody<S>,
  sink: ContentSink,
): Promise<Outcome<z.output<S>>> {
  const boundary = boundaryOf(headers.get('content-type') ?? '');
  if (boundary === undefined) return refuse('invalid_value', 'has no boundary of 1 to 70 characters', 'content-type');
  const coding = codingOf(headers);
  if (!coding.ok) return coding;
  const declared = Number(headers.get('content-length') ?? Number.POSITIVE_INFINITY);
  const room = await intake.claim(Math.min(declared, FILE_LIMITS.formHeldBytesMax));
  if (!room.ok) return room;
  const reading = new FormReading(boundary, body, sink);
  let bytes = 0;
  try {
    for await (const chunk of intake.chunks(coding.value)) {
      bytes += chunk.byteLength;
      if (bytes > body.bytesMax) return await intake.refuse(tooLarge(`more than ${body.bytesMax} bytes`, body.bytesMax));
      const read = await reading.push(chunk);
      if (!read.ok) return await intake.refuse(read);
    }
  } catch (error) {
    if (error instanceof RefusedStream) return intake.refuse(err(error.refusal));
    throw error;
  }
  const fields = reading.end();
  return fields.ok ? parse(body.schema, fields.value) : fields;
}

interface FormCall {
  readonly gateway: { readonly bodies: BodyParts };
  readonly principal: Caller;
  readonly request: Request;
}

/**
 * Lets `receive` read the form of a call into a sink of its own. A refusal reaches the sender though it is still sending, and the memory is given
 * back in any case.
 */
export async function receiveForm<S extends z.core.$ZodType, T>(
  { gateway, principal, request }: FormCall,
  body: MultipartBody<S>,
  receive: (read: (sink: ContentSink) => Promise<Outcome<z.output<S>>>) => Promise<Outcome<T>>,
): Promise<Outcome<T>> {
  const intake = new BodyIntake(gateway.bodies, request, bodyOwner(principal), 'stream');
  try {
    const received = await receive((sink) => readForm(request, intake, body, sink));
    return received.ok ? received : await intake.refuse(received);
  } finally {
    intake.release();
  }
}

/** RFC 2046, section 5.1.1. */
export function boundaryOf(contentType: string): string | undefined {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType) ?? [];
  const boundary = quoted ?? bare ?? '';
  return /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(boundary) ? boundary : undefined;
}

class FormReading {
  readonly #body: MultipartBody;
  readonly #sink: ContentSink;
  readonly #splitter: MultipartSplitter;
  readonly #fields: (readonly [string, string | FormFile])[] = [];
  #part: FormPart = { name: '', filename: undefined };
  #text: Uint8Array[] = [];
  #textBytes = 0;
  #fileBytes = 0;

  constructor(boundary: string, body: MultipartBody, sink: ContentSink) {
    this.#body = body;
    this.#sink = sink;
    this.#splitter = new MultipartSplitter(boundary, FILE_LIMITS.formHeadBytesMax);
  }

  async push(chunk: Uint8Array): Promise<Outcome<null>> {
    for (const piece of this.#splitter.push(chunk)) {
      const step =
        piece.kind === 'part' ? this.#begin(piece.head) : piece.kind === 'content' ? await this.#content(piece.bytes) : this.#endPart();
      if (!step.ok) return step;
    }
    return this.#splitter.fault === undefined ? ok(null) : malformed(this.#splitter.fault);
  }

  /** The fields by name. */
  end(): Outcome<Record<string, string | FormFile>> {
    return this.#splitter.isComplete ? eachOnce(this.#fields) : malformed('malformed');
  }

  #begin(head: Uint8Array): Outcome<null> {
    if (this.#fields.length === FILE_LIMITS.formPartsMaxCount)
      return refuseBeyond({ limit: 'formPartsMaxCount', what: `the form has more than ${FILE_LIMITS.formPartsMaxCount} parts` });
    const part = readPartHead(head);
    if (!part.ok) return part;
    const { name, filename } = part.value;
    // The sink takes one file.
    if (filename !== undefined && name !== this.#body.file)
      return refuse('invalid_value', `the file is the part \`${this.#body.file}\``, name);
    if (this.#fields.some(([other]) => other === name)) return refuse('invalid_value', 'is given more than once', name);
    this.#part = part.value;
    return ok(null);
  }

  async #content(bytes: Uint8Array): Promise<Outcome<null>> {
    if (this.#part.filename === undefined) {
      this.#textBytes += bytes.byteLength;
      // A copy: the piece that it is of is larger.
      this.#text.push(bytes.slice());
      const what = `the fields of the form have more than ${FILE_LIMITS.formFieldsBytesMax} bytes`;
      return this.#textBytes <= FILE_LIMITS.formFieldsBytesMax ? ok(null) : refuseBeyond({ limit: 'formFieldsBytesMax', what });
    }
    this.#fileBytes += bytes.byteLength;
    return this.#sink.write(bytes);
  }

  #endPart(): Outcome<null> {
    const { name, filename } = this.#part;
    if (filename !== undefined) {
      this.#fields.push([name, { name: filename, size: this.#fileBytes }]);
      return ok(null);
    }
    const text = fieldText(name, joinedBytes(this.#text));
    this.#text = [];
    if (!text.ok) return text;
    this.#fields.push([name, text.value]);
    return ok(null);
  }
}

export const malformed = (fault: MultipartFault) =>
  fault === 'headBytesMax'
    ? refuseBeyond({ limit: 'formHeadBytesMax', what: 'the header lines of a part have too many bytes' })
    : refuse('invalid_value', 'the body is not valid multipart/form-data');
