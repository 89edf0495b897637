/**
 * The abort signal of a request: made only when somebody asks, because most requests never wait.
 *
 * Whoever waits is in one set, which is emptied when the server closes: ten thousand listeners on one signal would be
 * searched one by one for each that goes away.
 */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** @returns a function that gives the signal; it aborts when the caller went away or the server closes */
export type LazySignal = (request: IncomingMessage, response: ServerResponse) => () => AbortSignal

/** @param closing aborted when the server closes */
export function makeLazySignal(closing: AbortSignal): LazySignal {
  const waiting = new Set<AbortController>()
  closing.addEventListener('abort', () => {
    for (const controller of [...waiting]) controller.abort()
  })

  function makeSignal(request: IncomingMessage, response: ServerResponse): AbortSignal {
    const controller = new AbortController()
    const abort = () => controller.abort()
    if (closing.aborted || response.destroyed) abort()
    else waiting.add(controller)
    request.once('error', abort) // in-process requests end this way
    response.once('close', () => {
      waiting.delete(controller)
      if (!response.writableFinished) abort()
    })
    return controller.signal
  }

  return (request, response) => {
    let made: AbortSignal | undefined
    return () => {
      made ??= makeSignal(request, response)
      return made
    }
  }
}
