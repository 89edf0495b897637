/**
 * The memory that requests under way may hold: bodies that have come and are not yet dealt with, and answers that
 * have not yet been taken.
 *
 * Each party (a user, or a network address where nobody is known yet) has a share, and all of them together have a
 * limit. Who exceeds their own share is refused. Where all is taken, the party that holds most gives way to those
 * that hold less, so that nobody's use takes another's; and what is small always passes, because a person's message
 * must not wait until a stranger's megabytes are gone.
 */
import { MatrixError } from '../kernel/errors.js'

export type Hold = {
  /** Charges so many bytes more. @throws MatrixError 429 where they are too many */
  add(bytes: number): void
  /** From now on the memory is in use: it cannot be taken back by cutting the sender off. */
  settle(): void
  /** Gives all of it back. Repeating it does nothing. */
  release(): void
}

export type BytesInFlight = {
  /** @param cut called when what still arrives has to give way; the hold is released already */
  open(party: string, cut?: (reason: MatrixError) => void): Hold
  /** Bytes held now. */
  readonly total: number
}

export type ByteLimits = {
  perParty: number
  inAll: number
  /** So much each party may hold whatever the others do. */
  always: number
}

type Holding = { bytes: number; cut: ((reason: MatrixError) => void) | undefined }
type Party = { bytes: number; holdings: Set<Holding> }

const tooMuch = () =>
  new MatrixError(429, 'M_LIMIT_EXCEEDED', 'Too much is on its way already.', { retry_after_ms: 2_000 })

export function makeBytesInFlight({ perParty, inAll, always }: ByteLimits): BytesInFlight {
  const parties = new Map<string, Party>()
  let total = 0

  /** Cuts what arrives for parties that hold more than `bytes` would make this one hold, largest first. */
  function makeRoom(wanted: number, own: Party): boolean {
    while (total + wanted > inAll) {
      let largest: Party | undefined
      for (const party of parties.values())
        if (party !== own && party.bytes > own.bytes + wanted && party.bytes > (largest?.bytes ?? 0))
          if ([...party.holdings].some(({ cut }) => cut)) largest = party
      if (!largest) return false
      const [victim] = [...largest.holdings].filter(({ cut }) => cut).sort((a, b) => b.bytes - a.bytes)
      const { cut } = victim!
      drop(largest, victim!)
      cut?.(tooMuch())
    }
    return true
  }

  function drop(party: Party, holding: Holding): void {
    if (!party.holdings.delete(holding)) return
    party.bytes -= holding.bytes
    total -= holding.bytes
  }

  return {
    open(name, cut) {
      const party = parties.get(name) ?? { bytes: 0, holdings: new Set() }
      parties.set(name, party)
      const holding: Holding = { bytes: 0, cut }
      party.holdings.add(holding)
      return {
        add(bytes) {
          const after = party.bytes + bytes
          // One transfer alone may be larger than the share: it has a limit of its own.
          const exceedsShare = after > perParty && party.bytes > holding.bytes
          const fits = after <= always || (!exceedsShare && makeRoom(bytes, party))
          if (!fits || !party.holdings.has(holding)) throw tooMuch()
          holding.bytes += bytes
          party.bytes += bytes
          total += bytes
        },
        settle() {
          holding.cut = undefined
        },
        release() {
          drop(party, holding)
          if (party.holdings.size === 0 && parties.get(name) === party) parties.delete(name)
        },
      }
    },
    get total() {
      return total
    },
  }
}
