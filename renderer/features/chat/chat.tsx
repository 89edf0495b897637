/** The chat: room list beside the open room. */
type ChatProps = { roomId: string | undefined; eventId: string | undefined }

export function Chat(_props: ChatProps) {
  return null
}
