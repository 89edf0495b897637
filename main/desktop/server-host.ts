/** What the desktop shell needs of the homeserver, wherever it runs. */
import type { MessagePortMain } from 'electron'
import type { DataFault } from '../../server/kernel/start-faults.js'

export type ServerHost = {
  /** Resolves when the server runs or has failed; `problem` tells which. */
  readonly started: Promise<void>
  /** Why it is not running, as one sentence; undefined while it starts and runs. */
  readonly problem: string | undefined
  /** What is wrong with the data, where the server did not start for it and may go on all the same. */
  readonly fault: DataFault | undefined
  /** Answers a request of the page; 503 with a Matrix error body when it does not run. */
  handle(request: Request): Promise<Response>
  /** Gives a live port to the server. It is closed with 1012 when there is none. */
  connect(port: MessagePortMain): Promise<void>
  /** Told when every live port has died with the server's process. */
  onLost(handler: () => void): void
  /** Told once, with a sentence, when only a fresh process can serve. A utility process is replaced without that. */
  onUnusable(handler: (reason: string) => void): void
  /** Repeating it waits for the first. */
  close(): Promise<void>
}

/** The desktop's own page needs no secret from an address: whoever sees it has started the server. */
export function withSetupSecret(request: Request, secret: string | undefined): Request {
  if (secret === undefined || new URL(request.url).pathname !== '/_hearth/client/v1/onboarding') return request
  const shown = new Request(request)
  shown.headers.set('x-hearth-setup', secret)
  return shown
}

export const unavailable = (problem: string | undefined) =>
  Response.json(
    { errcode: 'M_UNKNOWN', error: problem ?? 'The server is restarting.' },
    { status: 503, headers: { 'retry-after': '1' } },
  )
