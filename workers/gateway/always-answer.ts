import { refusal } from '../../src/contract/errors.ts';
import { surfaceOf } from '../../src/contract/surface.ts';
import { errorResponse } from './http-error.ts';
import { requestIdOf } from './request-id.ts';

type Serve<Rest extends unknown[]> = (request: Request, ...rest: Rest) => Response | Promise<Response>;

/**
 * The same, but whatever it throws is answered in the one error shape (G34). The app answers what its routes throw; this is for what its
 * middleware and its own error handler do, and for values that are no errors. Otherwise the runtime would answer with a bare text.
 */
export function alwaysAnswer<Rest extends unknown[]>(serve: Serve<Rest>): (request: Request, ...rest: Rest) => Promise<Response> {
  return async (request, ...rest) => {
    try {
      return await serve(request, ...rest);
    } catch (thrown) {
      const requestId = requestIdOf(request.headers);
      const { message, stack } = thrown instanceof Error ? thrown : { message: String(thrown), stack: undefined };
      console.error(JSON.stringify({ level: 'error', request_id: requestId, message, stack }));
      const error = refusal('internal_error', 'an internal error; quote the request id to support');
      return errorResponse(error, requestId, surfaceOf(new URL(request.url).pathname), { 'x-request-id': requestId });
    }
  };
}
