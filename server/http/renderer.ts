/**
 * Serves the built user interface at the client listener.
 *
 * Files under `assets/` carry a hash in their names and may be kept for ever; the page itself is asked for every time,
 * and answered with 304 while it is the same. What compresses well lies compressed beside the file (`vite.config.ts`).
 * The app's own paths stand in the fragment (`renderer/app/route.ts`), so a path that looks like one leads there.
 */
import { existsSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { decodePath, fileSegments, pageFileType } from '../kernel/page-files.js'
import { pageHeaders } from '../kernel/page-security.js'

/** What lies beside a file, by the name its coding has in HTTP, best first. */
const compressed = [
  ['br', '.br'],
  ['gzip', '.gz'],
] as const

type Served = { status: number; headers: Record<string, string>; body: Buffer | string }

export type Page = {
  /** Undefined where the path is nothing of the page's. */
  find(request: FastifyRequest): Promise<Served | undefined>
}

/**
 * @param dir folder with `index.html`
 * @returns undefined where it is not there
 */
export function openPage(dir: string | undefined): Page | undefined {
  if (!dir || !existsSync(join(dir, 'index.html'))) return undefined
  return {
    async find({ method, url, headers }) {
      const [pathname] = url.split('?', 1) as [string]
      if ((method !== 'GET' && method !== 'HEAD') || pathname.startsWith('/_')) return undefined
      const segments = pathname === '/' ? ['index.html'] : fileSegments(pathname)
      const type = segments && pageFileType(segments.at(-1)!)
      const file = type && (await readBest(join(dir, ...segments), headers))
      if (file)
        return { ...file, headers: { ...pageHeaders, ...file.headers, 'content-type': type, ...kept(segments) } }
      if (!wantsPage(headers)) return undefined
      return isView(pathname)
        ? { status: 302, headers: { ...pageHeaders, location: `/#${url}` }, body: '' }
        : { status: 404, headers: { ...pageHeaders, 'content-type': 'text/html; charset=utf-8' }, body: nothingHere }
    },
  }
}

export function sendPage(reply: FastifyReply, { status, headers, body }: Served): FastifyReply {
  return reply.code(status).headers(headers).send(body)
}

const nothingHere = `<!doctype html><html lang="en"><title>Not found</title><p>There is nothing here. <a href="/">To Hearth</a></p></html>`

const kept = ([folder]: readonly string[]) => ({
  'cache-control': folder === 'assets' ? 'public, max-age=31536000, immutable' : 'no-cache',
})

const wantsPage = ({ accept = '' }: FastifyRequest['headers']) => accept.includes('text/html')

/** A path of the app's own router: navigated to, no asset, and nothing that climbs or hides. */
function isView(pathname: string): boolean {
  const path = decodePath(pathname)
  return path !== undefined && !pathname.startsWith('/assets/') && !/(?:^|\/)\.|\\|\p{Cc}/u.test(path)
}

type Headers = FastifyRequest['headers']

/** The file in the best form that the caller takes; undefined where there is none. */
async function readBest(path: string, headers: Headers): Promise<Served | undefined> {
  for (const [coding, ending] of compressed) {
    if (!accepts(headers['accept-encoding'], coding)) continue
    const form = await readForm(path + ending, coding, headers)
    if (form) return { ...form, headers: { ...form.headers, 'content-encoding': coding } }
  }
  return readForm(path, 'plain', headers)
}

async function readForm(path: string, form: string, headers: Headers): Promise<Served | undefined> {
  try {
    const facts = await stat(path)
    if (!facts.isFile()) return undefined
    const etag = `"${facts.size.toString(36)}-${Math.trunc(facts.mtimeMs).toString(36)}-${form}"`
    const isKnown = names(headers['if-none-match'], etag)
    return {
      status: isKnown ? 304 : 200,
      headers: { etag, vary: 'accept-encoding' },
      body: isKnown ? '' : await readFile(path),
    }
  } catch {
    return undefined // not there, or of a name that no file can have
  }
}

/** Whether `If-None-Match` names it. A proxy that compresses makes strong tags weak. */
const names = (given: string | undefined, etag: string) =>
  (given ?? '').split(',').some((each) => each.trim() === '*' || each.trim().replace(/^W\//, '') === etag)

/** Whether `Accept-Encoding` has the coding, with a weight that is not 0. */
function accepts(given: string | string[] | undefined, coding: string): boolean {
  for (const each of String(given ?? '').split(',')) {
    const [name = '', weight] = each.toLowerCase().split(';')
    if (name.trim() === coding) return weight === undefined || Number(weight.trim().replace(/^q=/, '')) > 0
  }
  return false
}
