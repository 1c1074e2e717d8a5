/** What the API did not do. */
export class AdminRefusal extends Error {
  override readonly name = 'AdminRefusal';
  /** The code of the error; undefined where there was none. */
  readonly code: string | undefined;

  constructor(message: string, body: string) {
    super(message);
    this.code = codeOf(body);
  }
}

function codeOf(body: string): string | undefined {
  try {
    return (JSON.parse(body) as { error?: { code?: string } }).error?.code;
  } catch {
    return undefined;
  }
}

/** Creates what a fresh deployment needs through its own public API, as an operator would. */
export class AdminClient {
  readonly #url: string;
  readonly #adminKey: string;

  constructor(url: string, adminKey: string) {
    this.#url = url;
    this.#adminKey = adminKey;
  }

  /** Creates a resource; the same `idempotencyKey` answers the same one. */
  async create<T>(path: string, body: object, idempotencyKey?: string): Promise<T> {
    return this.#send('POST', path, body, idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey });
  }

  async get<T>(path: string): Promise<T> {
    return this.#send('GET', path, undefined, {});
  }

  async put<T>(path: string, body: object): Promise<T> {
    return this.#send('PUT', path, body, {});
  }

  async change<T>(path: string, body: object): Promise<T> {
    return this.#send('PATCH', path, body, {});
  }

  async #send<T>(method: string, path: string, body: object | undefined, headers: Record<string, string>): Promise<T> {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: { authorization: `Bearer ${this.#adminKey}`, 'content-type': 'application/json', ...headers },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new AdminRefusal(`${method} ${path} answered ${response.status}: ${text}`, text);
    return JSON.parse(text) as T;
  }
}
