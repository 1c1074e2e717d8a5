export interface ApiAnswer {
  readonly status: number;
  readonly headers: Headers;
  // Answers are untyped: a test that reads a wrong path gets undefined, and its expectation fails.
  // oxlint-disable-next-line typescript/no-explicit-any -- see above
  readonly body: any;
}

/** A plain HTTP client of the API. */
export class ApiClient {
  readonly url: string;
  readonly apiKey: string;

  constructor(url: string, apiKey: string) {
    this.url = url;
    this.apiKey = apiKey;
  }

  get = (path: string, headers?: Record<string, string>): Promise<ApiAnswer> => this.call('GET', path, undefined, headers);

  post = (path: string, body: unknown, headers?: Record<string, string>): Promise<ApiAnswer> => this.call('POST', path, body, headers);

  put = (path: string, body: unknown): Promise<ApiAnswer> => this.call('PUT', path, body);

  delete = (path: string): Promise<ApiAnswer> => this.call('DELETE', path);

  async call(method: string, path: string, body?: unknown, headers: Record<string, string> = {}): Promise<ApiAnswer> {
    // fetch sets the content type of forms and blobs itself.
    const isForm = body instanceof FormData || body instanceof Blob;
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.apiKey}`,
        ...(body === undefined || isForm ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isForm ? body : JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.startsWith('application/json') ?? false;
    return { status: response.status, headers: response.headers, body: isJson ? JSON.parse(text) : text };
  }
}
