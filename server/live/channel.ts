/**
 * A byte channel: one SurrealDB live connection, whatever carries it.
 *
 * In the desktop app a MessagePort carries it, otherwise a WebSocket; the live bridge sees only
 * this. Each message is one CBOR frame of SurrealDB's RPC protocol. Messages are copied, never
 * transferred: an ArrayBuffer in a transfer list arrives empty when it crosses Electron processes.
 */
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
  /** Bytes handed to `post` that the carrier has not sent yet; absent where the carrier cannot tell. */
  readonly bufferedBytes?: number
}
