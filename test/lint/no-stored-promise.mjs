/**
 * Finds fields that hold promises, or functions that settle them, in objects that live as long as an isolate and serve many requests:
 * workerd forbids a request to continue in the I/O context of another (SW1). Use `SharedWork`, and keep its results.
 */
const MESSAGE = 'a promise in a field is awaited by other requests, which workerd forbids: share work with SharedWork, and keep the result';

/** Whether a type contains a promise, apart from return types of functions. */
function holdsPromise(node) {
  if (node === null || typeof node !== 'object') return false;
  if (Array.isArray(node)) return node.some(holdsPromise);
  if (node.type === 'TSFunctionType' || node.type === 'TSMethodSignature') return false;
  if (node.type === 'TSTypeReference' && ['Promise', 'PromiseLike', 'PromiseWithResolvers'].includes(node.typeName?.name)) return true;
  return Object.entries(node).some(([key, child]) => key !== 'parent' && holdsPromise(child));
}

/** Whether an initial value creates promises: `new Map<K, Promise<V>>()`, `Promise.resolve()`, `new Promise(...)`, `deferred()`. */
function makesPromise(value) {
  if (value === null || value === undefined) return false;
  if (value.type === 'NewExpression') return value.callee.name === 'Promise' || holdsPromise(value.typeArguments ?? null);
  return value.type === 'CallExpression' && value.callee.type === 'MemberExpression' && value.callee.object.name === 'Promise';
}

const noStoredPromise = {
  create(context) {
    const check = (node, annotation, value) => {
      if (holdsPromise(annotation ?? null) || makesPromise(value)) context.report({ node, message: MESSAGE });
    };
    return {
      PropertyDefinition: (node) => check(node, node.typeAnnotation, node.value),
      // Variables of modules live as long as the isolate too.
      'Program > VariableDeclaration > VariableDeclarator': (node) => check(node, node.id.typeAnnotation, node.init),
    };
  },
};

export default { meta: { name: 'sluice' }, rules: { 'no-stored-promise': noStoredPromise } };
