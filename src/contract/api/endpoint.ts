import type { z } from 'zod';

import type { ArrayPath } from '../../kernel/json-splitter.ts';
import type { RowFields } from './framed-body.ts';
import type { Meter } from './meter.ts';
import type { Scope } from './principal.ts';

/** The parameters in the path of an endpoint: whole segments, so that `/v1/jobs:plan` has none. */
export const PATH_PARAMS = /(?<=\/):(\w+)/g;

/** Which callers are allowed. `tenant` takes the tenant from the key; the admin key belongs to none and is refused there. */
export type Access =
  | { readonly kind: 'public' }
  | { readonly kind: 'tenant'; readonly scope: Scope }
  | { readonly kind: 'tenant-or-admin'; readonly scope: Scope }
  | { readonly kind: 'admin' }
  /** A pool agent, by the token of its pool. */
  | { readonly kind: 'agent' };

/** The schemas of endpoints are `z.core.$ZodType`: the compiler compares the fifty methods of a `z.ZodType` with those of every schema, for seconds. */
export interface JsonBody {
  readonly kind: 'json';
  readonly schema: z.core.$ZodType;
  readonly bytesMax?: number;
  /** Whole numbers beyond 2^53 come as `RawJson`. */
  readonly exactIntegers?: true;
  /** Bytes may follow the JSON, whose length `JSON_BYTES_HEADER` states then: they become the `bytesBehind` of what the schema makes. */
  readonly hasBytesBehind?: true;
  /** How the same is read element by element, where bodies are large. */
  readonly streamed?: StreamedItems;
  /** Which vectors may be rows of a frame (`VECTOR_FRAME_TYPE`) that is sent instead of JSON. */
  readonly rows?: RowFields;
  /** The same as bare text: what is sent as this media type becomes the field of that name, alone. */
  readonly text?: { readonly type: string; readonly field: string; readonly about: string };
}

/** Arrays whose elements are validated one by one as they arrive, and the schema of the whole with its elements validated. */
export interface StreamedItems {
  readonly arrays: readonly { readonly path: ArrayPath; readonly item: z.core.$ZodType; readonly countMax: number }[];
  /** Makes what `schema` makes. */
  readonly whole: z.core.$ZodType;
  /** The limit of everything that is in none of the arrays, which is parsed as a whole. Absent: `bodyRestBytesMax`. */
  readonly restLimit?: 'qdrantOperationsBytesMax';
}

/** A form with one file, whose content the handler stores as it comes. */
export interface MultipartBody<S extends z.core.$ZodType = z.core.$ZodType> {
  readonly kind: 'multipart';
  readonly schema: S;
  /** The part that is the file. */
  readonly file: string;
  readonly bytesMax: number;
}

export type Body =
  | { readonly kind: 'none' }
  | JsonBody
  | MultipartBody
  | { readonly kind: 'bytes'; readonly bytesMax: number }
  /** A value a line, of any number: the handler reads them as they come. `framed`: or as vector frames, whose head this text describes. */
  | { readonly kind: 'ndjson'; readonly schema: z.core.$ZodType; readonly framed?: string };

export type Reply =
  /**
   * `hasRows`: a caller that accepts a frame gets one, whose rows are the vectors of the answer. `bytesBehind`: what bytes follow the JSON for
   * callers that ask for them, in an answer of another media type.
   */
  | { readonly kind: 'json'; readonly schema: z.core.$ZodType; readonly hasRows?: true; readonly bytesBehind?: string }
  | { readonly kind: 'bytes'; readonly contentType: string }
  /** A value a line, as they come about. The handler settles what it consumes portion by portion. */
  | { readonly kind: 'ndjson'; readonly schema: z.core.$ZodType }
  /** Server-sent events, whose data is as the schema says; a handler that answers null has none, now and later (204). */
  | { readonly kind: 'events'; readonly schema: z.core.$ZodType }
  /** JSON that something else has written; or, if the body asks for a stream, server-sent events whose data is as `event` says. */
  | {
      readonly kind: 'completion';
      readonly schema: z.core.$ZodType;
      readonly event?: z.core.$ZodType | undefined;
      /** The type of what is answered instead where the body asks for that, such as sound. */
      readonly bytes?: string;
    }
  | { readonly kind: 'none' };

/**
 * One route of the API, as data. The same row drives routing, access control, validation, metering, the OpenAPI page
 * and the credential matrix test, so that a route cannot exist without any of them.
 */
export interface Endpoint {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Hono syntax, such as `/v1/indexes/:index`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly access: Access;
  /** What the call consumes besides one request; the handler must report each of them. */
  readonly meters: readonly Meter[];
  readonly params?: z.core.$ZodObject;
  readonly query?: z.core.$ZodObject;
  /** Request headers that mean something to this call alone, by their names in lower case. */
  readonly headers?: z.core.$ZodObject;
  readonly body: Body;
  readonly status: 200 | 201 | 202 | 204;
  readonly reply: Reply;
  /** Whether the call honours `Idempotency-Key`: the same key and body answer the same result, once done. */
  readonly idempotent?: true;
  /** It shows a key with labels what that may read alone, or touches nothing that has labels. Any other call is closed to such keys. [DC97] */
  readonly heedsLabels?: true;
  /** It ends what costs, or looks at what would: it is answered where no money is left, as what only reads is. */
  readonly needsNoMoney?: true;
}

/** Whether a call is answered, and not billed, where budgets are spent: it reads, or is marked so, and consumes nothing but the request. [T111] */
export const isAnsweredUnpaid = ({ method, access, meters, needsNoMoney }: Endpoint): boolean =>
  meters.length === 0 && (method === 'GET' || needsNoMoney === true || ('scope' in access && access.scope.endsWith(':read')));

/** How many bytes of a body, or an answer, are its JSON, where others follow (KServe's binary tensor data extension). */
export const JSON_BYTES_HEADER = 'inference-header-content-length';

/** What followed the JSON of a body; empty: nothing did. */
export interface BytesBehind {
  readonly bytesBehind: Uint8Array;
}

type Infer<T> = T extends z.core.$ZodType ? z.output<T> : undefined;

export type ParamsOf<E extends Endpoint> = Infer<E['params']>;
export type QueryOf<E extends Endpoint> = Infer<E['query']>;
export type HeadersOf<E extends Endpoint> = Infer<E['headers']>;
export type BodyOf<E extends Endpoint> = E['body'] extends { kind: 'json'; schema: infer S }
  ? E['body'] extends { hasBytesBehind: true }
    ? Infer<S> & BytesBehind
    : Infer<S>
  : undefined;
export type ReplyOf<E extends Endpoint> = E['reply'] extends { kind: 'json'; schema: infer S extends z.core.$ZodType }
  ? z.input<S>
  : undefined;
export type UsedOf<E extends Endpoint> = { readonly [M in E['reply']['kind'] extends 'ndjson' ? never : E['meters'][number]]: number };

/** The media type of bodies and replies with a value a line. */
export const NDJSON = 'application/x-ndjson';

export const NO_BODY = { kind: 'none' } as const satisfies Body;
/** A body whose vectors may be rows of a frame. */
export const jsonOrFrame = <S extends z.core.$ZodType>(schema: S, rows: RowFields) => ({ kind: 'json', schema, rows }) as const;
/** An answer whose vectors may be rows of a frame. */
export const vectorsReply = <S extends z.core.$ZodType>(schema: S) => ({ kind: 'json', schema, hasRows: true }) as const;
export const json = <S extends z.core.$ZodType>(schema: S) => ({ kind: 'json', schema }) as const;
type Called<M, P, B> = { readonly method: M; readonly path: P; readonly body: B };

/** The method, path and body of an endpoint; none given: it takes none. */
export function call<M extends Endpoint['method'], P extends string>(method: M, path: P): Called<M, P, typeof NO_BODY>;
export function call<M extends Endpoint['method'], P extends string, B extends Body>(method: M, path: P, body: B): Called<M, P, B>;
export function call<M, P>(method: M, path: P, body: Body = NO_BODY): Called<M, P, Body> {
  return { method, path, body };
}

export const PUBLIC = { kind: 'public' } as const satisfies Access;
export const ADMIN = { kind: 'admin' } as const satisfies Access;
export const tenant = <S extends Scope>(scope: S) => ({ kind: 'tenant', scope }) as const;
export const tenantOrAdmin = <S extends Scope>(scope: S) => ({ kind: 'tenant-or-admin', scope }) as const;
