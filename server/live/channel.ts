/**
 * A byte channel: one SurrealDB live connection, whatever carries it.
 *
 * In the desktop app a MessagePort carries it, otherwise a WebSocket; the live bridge sees only
 * this. Each message is one CBOR frame of SurrealDB's RPC protocol. Messages are copied, never
 * transferred: an ArrayBuffer in a transfer list arrives empty when it crosses Electron processes.
 */
export type ChannelPeer =
  /** The desktop app's own window. */
  | { kind: 'window' }
  /** Another program on this machine, the browser of its owner for one. */
  | { kind: 'local' }
  /** @property address an IP address; of IPv6 its /64 network, which one party owns as a whole */
  | { kind: 'remote'; address: string }

export type Channel = {
  /** Sends one frame. After `close` it does nothing. */
  post(bytes: Uint8Array): void
  /** At most one handler; frames that came before it is set are delivered to it in order. */
  onMessage(handler: (bytes: Uint8Array) => void): void
  /** Runs once, whichever side closed; at once if it is closed already. */
  onClose(handler: () => void): void
  /**
   * @param code   WebSocket close code, e.g. 4401 expired, 4403 logged out, 4408 too slow, 4429 limits, 1012 restart
   * @param reason a short text for the other side; at most 123 bytes
   */
  close(code?: number, reason?: string): void
  /** Bytes handed to `post` that the other side has not taken yet. */
  readonly bufferedBytes: number
  /** Who is at the other end, as far as it is known before a token is. */
  readonly peer: ChannelPeer
}
