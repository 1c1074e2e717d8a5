import { getMimeType } from 'hono/utils/mime';

interface Env {
  /** The folder of files. */
  readonly DISK: { fetch(url: URL): Promise<Response> };
}

/** Serves the files of a deployment on this machine, as Cloudflare's assets do there: by path, a folder by its index.html. */
export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const url = new URL(request.url);
    if (url.pathname.endsWith('/')) url.pathname += 'index.html';
    const file = await env.DISK.fetch(url);
    const modified = file.headers.get('last-modified');
    // A folder is answered as a list of its files.
    if (!file.ok || modified === null) {
      await file.body?.cancel();
      return new Response(null, { status: 404 });
    }
    const etag = `"${Date.parse(modified).toString(36)}-${file.headers.get('content-length')}"`;
    const headers = new Headers({
      'content-type': getMimeType(url.pathname) ?? 'application/octet-stream',
      'cache-control': 'public, max-age=0, must-revalidate',
      etag,
    });
    if (request.headers.get('if-none-match') !== etag) return new Response(file.body, { headers });
    await file.body?.cancel();
    return new Response(null, { status: 304, headers });
  },
};
