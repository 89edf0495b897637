/**
 * app://local/: the page's files from the package, and the homeserver's HTTP paths without a socket.
 *
 * The same relative URLs work in the headless server, so the page does not know the difference.
 */
import { readFile } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { protocol } from 'electron'
import { pageFileType } from '../../server/kernel/page-files.js'
import { pageHeaders } from '../../server/kernel/page-security.js'
import { appScheme, judgeAppRequest } from '../policy.js'

/** Must run before the app is ready. */
export const registerAppScheme = () =>
  protocol.registerSchemesAsPrivileged([
    {
      scheme: appScheme,
      privileges: { standard: true, secure: true, supportFetchAPI: true, stream: true, codeCache: true },
    },
  ])

export function serveApp(rendererDir: string, handle: (request: Request) => Promise<Response>): void {
  protocol.handle(appScheme, async (request) => {
    const verdict = judgeAppRequest(request.method, request.url)
    if (verdict.by === 'server') return handle(request)
    if (verdict.by === 'nobody') return new Response(null, { status: verdict.status, headers: pageHeaders })
    return serveFile(rendererDir, verdict.segments, request.method === 'HEAD')
  })
}

async function serveFile(rendererDir: string, segments: readonly string[], isHead: boolean): Promise<Response> {
  const root = resolve(rendererDir)
  const path = resolve(root, ...segments)
  const type = pageFileType(path)
  // The segments were checked already; what counts is where the path ends up.
  if (!path.startsWith(root + sep) || !type) return new Response(null, { status: 404, headers: pageHeaders })
  try {
    const bytes = await readFile(path)
    const headers = { ...pageHeaders, 'content-type': type, 'content-length': String(bytes.length) }
    return new Response(isHead ? null : new Uint8Array(bytes), { headers })
  } catch {
    return new Response(null, { status: 404, headers: pageHeaders })
  }
}
