// The API's page: Swagger UI over /openapi.json, whose examples work as they stand. A value in braces, such as `{createTenant.id}`, is
// what an earlier operation answered: answers are remembered for the tab, and put in when a request is sent.
const PLACEHOLDER = /\{([A-Za-z]+)\.([\w.]+)\}/g;
const REMEMBERED = 'sluice-answers';

const answers = JSON.parse(sessionStorage.getItem(REMEMBERED) ?? '{}');

/** What an operation answered at a path, in this tab. */
function answeredAt(operation, path) {
  const value = path.split('.').reduce((part, name) => part?.[name], answers[operation]);
  if (value === undefined || value === null) throw new Error(`Run ${operation} first: its answer has the value of {${operation}.${path}}.`);
  return value;
}

const filledText = (text) => text.replaceAll(PLACEHOLDER, (_, operation, path) => answeredAt(operation, path));

/** A string that is a placeholder and nothing else becomes the value itself, such as a number. */
function filled(value) {
  if (typeof value === 'string') {
    const [whole, operation, path] = [...value.matchAll(PLACEHOLDER)][0] ?? [];
    return whole === value ? answeredAt(operation, path) : filledText(value);
  }
  if (Array.isArray(value)) return value.map(filled);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, filled(member)]));
}

const operationsOf = (document) =>
  Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const pattern = path.replaceAll(/[.*+?^$()|[\]\\]/g, String.raw`\$&`).replaceAll(/\{\w+\}/g, '[^/]+');
      return { method: method.toUpperCase(), matches: new RegExp(`^${pattern}$`), operation };
    }),
  );

document.documentElement.classList.toggle('dark-mode', matchMedia('(prefers-color-scheme: dark)').matches);

const document_ = await (await fetch('/openapi.json')).json();
const operations = operationsOf(document_);

/** Puts placeholders into an operation's examples in place of the values that earlier operations answer. */
function showPlaceholders({ parameters = [], requestBody, 'x-sluice-example': { answered = {} } }) {
  for (const [place, source] of Object.entries(answered)) {
    const [root, ...path] = place.split('/');
    const holders =
      root === 'body' ? Object.values(requestBody.content) : parameters.filter((one) => one.in === root && one.name === path[0]);
    for (const holder of holders) setAt(holder, ['example', ...(root === 'body' ? path : path.slice(1))], `{${source}}`);
  }
  // A placeholder is none of the values that a pattern allows; the gateway checks what is sent.
  for (const { schema } of parameters) delete schema?.pattern;
}

function setAt(holder, path, value) {
  const parent = path.slice(0, -1).reduce((part, name) => part?.[name], holder);
  if (parent !== undefined) parent[path.at(-1)] = value;
}

for (const { operation } of operations) showPlaceholders(operation);

const find = (method, url) => {
  const { pathname } = new URL(url, location.href);
  // A path without parameters is meant before one with.
  const found = operations.filter((one) => one.method === method && one.matches.test(pathname));
  return found.find(({ matches }) => !matches.source.includes('[^/]+')) ?? found[0];
};

let sent;

SwaggerUIBundle({
  spec: document_,
  dom_id: '#page',
  deepLinking: true,
  persistAuthorization: true,
  tryItOutEnabled: true,
  displayRequestDuration: true,
  validatorUrl: null,
  operationsSorter: (one, other) => one.getIn(['operation', 'x-sluice-example', 'step']) - other.getIn(['operation', 'x-sluice-example', 'step']),
  requestInterceptor: (request) => {
    request.url = filledText(decodeURI(request.url));
    const isJson = String(request.headers['Content-Type']).startsWith('application/json');
    if (isJson && typeof request.body === 'string') request.body = JSON.stringify(filled(JSON.parse(request.body)));
    sent = find(request.method, request.url);
    const token = answers.createPool?.agent_token;
    if (sent?.operation['x-sluice-example'].as === 'agent' && token !== undefined) request.headers.Authorization ??= `Bearer ${token}`;
    return request;
  },
  responseInterceptor: (response) => {
    if (response.ok && sent !== undefined && typeof response.obj === 'object') {
      answers[sent.operation.operationId] = response.obj;
      sessionStorage.setItem(REMEMBERED, JSON.stringify(answers));
    }
    return response;
  },
});
