import type { z } from 'zod';

import type { Endpoint } from '../../api/endpoint.ts';
import type { ErrorCode } from '../../api/errors.ts';

/** A value that an earlier operation answered: of its reply, what lies at a path such as `assignment.fence`. */
export interface Answered {
  readonly operation: string;
  readonly path: string;
}

export const answered = (operation: string, path: string): Answered => ({ operation, path });

/** A value of a schema's input, in which what the gateway makes up (ids, fences) comes from earlier answers. */
type Filled<T> =
  | Answered
  | (T extends readonly (infer Item)[]
      ? readonly Filled<Item>[]
      : T extends object
        ? { readonly [K in keyof T]: undefined extends T[K] ? Filled<Exclude<T[K], undefined>> | undefined : Filled<T[K]> }
        : T);

type Values<S> = S extends z.core.$ZodType ? Filled<Partial<z.input<S>>> : never;

type BodyExample<E extends Endpoint> = E['body'] extends { kind: 'none' }
  ? { readonly body?: never }
  : E['body'] extends { kind: 'json'; schema: infer S extends z.core.$ZodType }
    ? { readonly body: Filled<z.input<S>> }
    : E['body'] extends { kind: 'multipart' }
      ? { readonly body: Readonly<Record<string, string>> }
      : { readonly body: string };

/**
 * One call of an endpoint that works as it stands, once the calls before it in the tour have been made: values of its path and
 * query, and a body (of NDJSON and bytes the text; of a form its parts, the file by its content).
 */
export type ExampleOf<E extends Endpoint = Endpoint> = {
  /** The caller, where both a tenant's key and the admin may call. */
  readonly as?: 'tenant' | 'admin';
  readonly params?: Values<E['params']>;
  readonly query?: Values<E['query']>;
  /** What an operation that is never carried out answers. */
  readonly refused?: ErrorCode;
} & BodyExample<E>;

/** An example as data, whatever it is of. */
export interface Example {
  readonly as?: 'tenant' | 'admin';
  readonly params?: object;
  readonly query?: object;
  readonly body?: unknown;
  readonly refused?: ErrorCode;
}
