/** Why something on the network could not be had: for whoever asked, to say so in their own words. */

export type OutboundFailure =
  /** No such name, or no URL that may be asked for. */
  | 'name'
  /** The address is one of our own networks. */
  | 'private-address'
  | 'connect'
  | 'certificate'
  | 'timeout'
  | 'too-large'
  /** The answer is none that can be used. */
  | 'answer'
  /** Whoever asked has gone. */
  | 'aborted'

export class OutboundError extends Error {
  override readonly name = 'OutboundError'
  constructor(
    readonly failure: OutboundFailure,
    message: string,
  ) {
    super(message)
  }
}

/** What undici and Node's sockets throw, by cause. */
export function nameTheFailure(error: unknown, signals: { deadline: AbortSignal; given: AbortSignal }): OutboundError {
  if (error instanceof OutboundError) return error
  if (signals.given.aborted) return new OutboundError('aborted', 'nobody waits for it any more')
  if (signals.deadline.aborted) return new OutboundError('timeout', 'no whole answer in time')
  const { cause, code = '', name, message } = error as Error & { code?: string; cause?: unknown }
  if (cause instanceof OutboundError) return cause
  if (code.endsWith('_TIMEOUT')) return new OutboundError('timeout', 'no whole answer in time')
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return new OutboundError('name', 'no address for that name')
  if (/CERT|SELF_SIGNED|ALTNAME|ISSUER|UNABLE_TO_VERIFY|HOSTNAME_MISMATCH/.test(code))
    return new OutboundError('certificate', `its certificate does not verify (${code})`)
  return new OutboundError('connect', `the connection failed (${code || name || message})`)
}
