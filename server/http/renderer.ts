/**
 * Serves the built user interface at the client listener: its files, and its one page for every
 * path that is a view of the app (`/room/…`).
 *
 * Files under `assets/` carry a hash in their names and may be kept for ever; the page itself is
 * asked for every time.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import fastifyStatic from '@fastify/static'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { pageHeaders } from '../kernel/page-security.js'

/**
 * @param dir folder with `index.html`
 * @returns whether it is there; nothing is served otherwise
 */
export function serveRenderer(app: FastifyInstance, dir: string | undefined): boolean {
  if (!dir || !existsSync(join(dir, 'index.html'))) return false
  const hashed = join(dir, 'assets')
  app.register(fastifyStatic, {
    root: dir,
    index: 'index.html',
    dotfiles: 'deny',
    cacheControl: false,
    setHeaders(reply, path) {
      for (const [name, value] of Object.entries(pageHeaders)) reply.header(name, value)
      reply.header('cache-control', path.startsWith(hashed) ? 'public, max-age=31536000, immutable' : 'no-cache')
    },
  })
  return true
}

/** Whether a request without a route is a page of the app's own router: navigated to, neither asset nor API. */
export function isView({ method, url, headers }: FastifyRequest): boolean {
  return method === 'GET' && (headers.accept ?? '').includes('text/html') && !/^\/(?:_|\.|assets\/)/.test(url)
}
