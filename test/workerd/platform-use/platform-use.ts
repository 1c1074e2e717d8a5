/** What one invocation of a Worker or an object has used of what Cloudflare limits. */
export interface PlatformUse {
  /** Calls of objects and services, fetches, operations on R2 and static files: what counts as a subrequest. */
  subrequests: number;
  /** Those that are calls of services: 32 invocations of Workers may take part in one request. */
  services: number;
  /** The most calls of a single object. */
  sameObject: number;
  /** Calls by stubs that an earlier call has returned: parts of that call, and no subrequests. */
  sessionCalls: number;
  /** Fetches and operations on R2 that waited for their headers at the same time, at most. */
  waiting: number;
  /** The largest message of a remote call, arguments or result, in bytes. */
  messageBytes: number;
  /** The largest value that was bound to a statement or put under a key, in bytes. */
  valueBytes: number;
  /** Parameters of one statement. */
  parameters: number;
  /** Characters of the text of one statement. */
  statementChars: number;
  /** Alarms that were set. */
  alarms: number;
}

/** The uses of all invocations of one name in an isolate: the largest of each, and how many there were. */
export interface NamedUse {
  /** Such as `gateway POST /v1/embeddings`, `ShardObject.query` or `ShardObject.alarm`. */
  readonly name: string;
  invocations: number;
  readonly most: PlatformUse;
  /** Subrequests of one invocation by binding, at most. */
  readonly calls: Readonly<Record<string, number>>;
  /** Where the largest message and the largest value were met. */
  readonly message: string;
  readonly statement: string;
}

export const NO_USE: PlatformUse = {
  subrequests: 0,
  services: 0,
  sameObject: 0,
  sessionCalls: 0,
  waiting: 0,
  messageBytes: 0,
  valueBytes: 0,
  parameters: 0,
  statementChars: 0,
  alarms: 0,
};

export const USES = Object.keys(NO_USE) as (keyof PlatformUse)[];

/** The larger of each. */
export const mostOf = (a: PlatformUse, b: PlatformUse): PlatformUse =>
  Object.fromEntries(USES.map((use) => [use, Math.max(a[use], b[use])])) as unknown as PlatformUse;

/** Where counting Workers answer what was used (GET) and begin anew (DELETE). */
export const USE_PATH = '/test-platform-use';
