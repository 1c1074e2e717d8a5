import { DurableObject } from 'cloudflare:workers';

type Call = (...args: unknown[]) => unknown;

/**
 * The class of the Durable Objects that have a service over their storage: its methods, those of its own base class included, are their calls.
 * `Exposed` narrows what a subclass and callers see of them, where the subclass answers a call in its own way.
 */
export function objectOf<Service extends object, Env = unknown, Exposed extends keyof Service = keyof Service>(
  service: { readonly prototype: Service },
  open: (context: DurableObjectState) => Service,
) {
  class ServiceObject extends DurableObject<Env> {
    protected readonly service = open(this.ctx);
  }
  for (let methods: object = service.prototype; methods !== Object.prototype; methods = Object.getPrototypeOf(methods) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(methods))) {
      if (typeof value !== 'function' || name in ServiceObject.prototype) continue;
      const answer = function (this: { readonly service: Record<string, Call> }, ...args: unknown[]) {
        return this.service[name]?.(...args);
      };
      Object.defineProperty(ServiceObject.prototype, name, { value: answer, configurable: true, writable: true });
    }
  }
  return ServiceObject as unknown as new (
    ctx: DurableObjectState,
    env: Env,
  ) => DurableObject<Env> & { readonly service: Service } & Pick<Service, Exposed>;
}
