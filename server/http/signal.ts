/**
 * The abort signal of a request: made only when somebody asks, because most requests never wait.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** @returns a function that gives the signal; it aborts when the caller went away or the server closes */
export function lazySignal(
  request: IncomingMessage,
  response: ServerResponse,
  closing: AbortSignal,
): () => AbortSignal {
  let made: AbortSignal | undefined
  return () => {
    made ??= makeSignal(request, response, closing)
    return made
  }
}

function makeSignal(request: IncomingMessage, response: ServerResponse, closing: AbortSignal): AbortSignal {
  const controller = new AbortController()
  const abort = () => controller.abort()
  if (closing.aborted || response.destroyed) abort()
  closing.addEventListener('abort', abort, { once: true })
  request.once('error', abort) // in-process requests end this way
  response.once('close', () => {
    closing.removeEventListener('abort', abort)
    if (!response.writableFinished) abort()
  })
  return controller.signal
}
