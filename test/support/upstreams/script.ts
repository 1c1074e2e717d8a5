/** What a mock upstream does with a request; without a field it does what a healthy upstream would. */
export interface Script {
  /** Refuses with this status, in the shape of the protocol's errors. */
  readonly status?: number;
  readonly message?: string;
  /** More of the error of that status, such as its code. */
  readonly error?: Readonly<Record<string, unknown>>;
  /** Sent with the head, such as `retry-after`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Before the head. */
  readonly headDelayMs?: number;
  /** Between the head and the first token, and between two tokens. */
  readonly firstTokenDelayMs?: number;
  readonly tokenDelayMs?: number;
  /** Sends nothing more, and keeps the connection: before the head, or after so many tokens (0: after the head). */
  readonly hang?: 'head' | number;
  /** Closes the connection after so many tokens, in the middle of the body. */
  readonly dieAfterTokens?: number;
  /** Sends what is no answer of the protocol: instead of the body, or after so many tokens. */
  readonly garbage?: true | number;
  /** Says after so many tokens, in an event, that it goes no further. */
  readonly failAfterTokens?: number;
  /** Keeps the connection after the end of a stream. */
  readonly stays?: true;
  /** Waits after so many tokens until the gate of this name is opened (`MockUpstream.open`). */
  readonly hold?: { readonly gate: string; readonly afterTokens: number };
  /** How many tokens it answers, if the request allows as many: `t0 t1 t2 ...`. */
  readonly tokens?: number;
  /** These instead, one a token. */
  readonly texts?: readonly string[];
  /** How likely it takes each of its tokens to be, as a logarithm: said where the request asks for it. */
  readonly logprob?: number;
  /** Calls this tool instead of answering a text: its arguments come in pieces of some bytes. */
  readonly tool?: { readonly name: string; readonly arguments: string };
  /** False: reports none. */
  readonly usage?: false | { readonly input?: number; readonly cached?: number; readonly output?: number; readonly reasoning?: number };
  /** Writes a stream in pieces of so many bytes, which need not end where events do. */
  readonly pieceBytes?: number;
}

/** What a mock upstream did with one request. */
export interface Served {
  readonly path: string;
  readonly model: string;
  readonly isStream: boolean;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  status: number;
  inputTokens: number;
  cachedTokens: number;
  /** Of those that were sent. */
  outputTokens: number;
  reportedUsage: boolean;
  /** `open`: not over; `aborted`: the caller closed the connection before the end; `died`: as its script says. */
  end: 'open' | 'whole' | 'aborted' | 'died';
}

/** All that it did. */
export interface Truth {
  readonly requests: number;
  readonly open: number;
  readonly whole: number;
  readonly aborted: number;
  readonly died: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  readonly outputTokens: number;
  /** The latest, oldest first. */
  readonly latest: readonly Served[];
}

/** The script in a prompt, for tests whose requests run side by side: `mock:{"tokens":3}`, to the end of its line. */
export function scriptIn(text: string): Script | undefined {
  const [, json] = /mock:(\{.*\})/.exec(text) ?? [];
  return json === undefined ? undefined : (JSON.parse(json) as Script);
}

/** A prompt with a script. */
export const scripted = (script: Script, prompt = 'hello'): string => `${prompt}\nmock:${JSON.stringify(script)}`;
