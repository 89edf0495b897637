/**
 * Channels that have shown no token yet. They cost little and anybody can open them, so each kind of peer has places
 * of its own, and each address a share: a flood from one takes the places of nobody else. A newcomer is always let
 * in, and the one that has waited longest goes: an honest client needs two round trips to authenticate.
 */
import type { ChannelPeer } from './channel.js'
import { liveLimits } from './close-codes.js'

export class Strangers<Waiting> {
  /** Oldest first. */
  readonly #waiting = new Map<Waiting, ChannelPeer>()

  /** @returns who has to go for it, if anybody */
  add(waiting: Waiting, peer: ChannelPeer): Waiting | undefined {
    const evicted = this.#evict(peer)
    if (evicted !== undefined) this.#waiting.delete(evicted)
    this.#waiting.set(waiting, peer)
    return evicted
  }

  /** It authenticated, or is gone. */
  delete(waiting: Waiting): void {
    this.#waiting.delete(waiting)
  }

  #evict(peer: ChannelPeer): Waiting | undefined {
    const ofKind = [...this.#waiting].filter(([, each]) => each.kind === peer.kind)
    if (peer.kind === 'remote') {
      const own = ofKind.filter(([, each]) => addressOf(each) === peer.address)
      if (own.length >= liveLimits.strangersPerAddress) return own[0]?.[0]
    }
    if (ofKind.length < liveLimits.strangers[peer.kind]) return undefined
    const counts = new Map<string, number>()
    for (const [, each] of ofKind) counts.set(addressOf(each), (counts.get(addressOf(each)) ?? 0) + 1)
    const most = Math.max(...counts.values())
    return ofKind.find(([, each]) => counts.get(addressOf(each)) === most)?.[0]
  }
}

const addressOf = (peer: ChannelPeer) => (peer.kind === 'remote' ? peer.address : '')
