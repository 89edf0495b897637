/** Takes what is in the composer to the outbox: text, reply, edit, files with a caption, what was spoken, or a command. */
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { navigate, roomPath } from '../../../app/route.js'
import type { Services } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import { attempt } from '../chat-actions.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { isUserId } from '../matrix-links.js'
import type { ComposerTask } from '../room-view.js'
import { prepareFile } from './attachments.js'
import { type CommandName, parseCommand } from './commands.js'
import type { Draft } from './drafts.js'
import { buildEdit, buildTextContent, mentionedIn, withReply } from './markdown.js'
import { type Recording, voiceContent } from './voice.js'

type Sending = {
  services: Services
  room: RoomSummaryRow
  draft: Draft
  task: ComposerTask | undefined
  files: readonly File[]
  onDialog: (dialog: ChatDialog) => void
}

/** @returns a sentence when it cannot be sent, else undefined */
export function sendDraft(sending: Sending): string | undefined {
  const { draft, task, files } = sending
  const text = draft.text.trim()
  if (files.length > 0) {
    void sendFiles(sending, text)
    return undefined
  }
  if (text === '') return undefined
  const parsed = parseCommand(text)
  if (parsed.kind === 'unknown') return t('composer.unknownCommand', { command: parsed.name })
  if (parsed.kind === 'command') return runCommand(parsed.name, parsed.rest, sending)
  sendContent(sending, buildTextContent(parsed.text, draft.mentions), task)
  return undefined
}

function sendContent(
  { services, room }: Sending,
  content: ReturnType<typeof buildTextContent>,
  task: ComposerTask | undefined,
) {
  if (task?.kind === 'edit')
    services.outbox.send(
      room.room_id,
      'm.room.message',
      buildEdit(content, task.item.eventId!, mentionedIn(task.item.content)),
    )
  else if (task?.kind === 'reply')
    services.outbox.send(room.room_id, 'm.room.message', withReply(content, task.eventId, task.sender))
  else services.outbox.send(room.room_id, 'm.room.message', content)
}

/** One event each; the text goes with the first. */
async function sendFiles({ services, room, draft, files }: Sending, text: string): Promise<void> {
  for (const [index, file] of files.entries()) {
    const caption = index === 0 && text !== '' ? buildTextContent(text, draft.mentions) : undefined
    const { content, thumbnail, previewUrl } = await prepareFile(file, caption)
    services.outbox.sendFile(room.room_id, content, {
      file,
      fileName: file.name,
      ...(thumbnail ? { thumbnail } : {}),
      ...(previewUrl ? { previewUrl } : {}),
    })
  }
}

/** What was said, as an answer where one is being written. */
export function sendVoice(
  { services, room, task }: Pick<Sending, 'services' | 'room' | 'task'>,
  spoken: Recording,
): void {
  const { fileName, content } = voiceContent(spoken, t('voice.message'))
  const whole = task?.kind === 'reply' ? withReply(content, task.eventId, task.sender) : content
  services.outbox.sendFile(room.room_id, whole, { file: spoken.blob, fileName })
}

function runCommand(name: CommandName, rest: string, sending: Sending): string | undefined {
  const { services, room, draft, task, onDialog } = sending
  const { matrix } = services
  const roomId = room.room_id
  switch (name) {
    case 'me':
      if (rest) sendContent(sending, buildTextContent(rest, draft.mentions, { msgtype: 'm.emote' }), task)
      return undefined
    case 'shrug':
      sendContent(sending, buildTextContent(`${rest} ¯\\_(ツ)_/¯`.trim(), draft.mentions, { isPlain: true }), task)
      return undefined
    case 'plain':
      if (rest) sendContent(sending, buildTextContent(rest, draft.mentions, { isPlain: true }), task)
      return undefined
    case 'invite':
      if (!isUserId(rest)) return t('invite.badId')
      void attempt(() => matrix.inviteUser(roomId, rest))
      return undefined
    case 'topic':
      void attempt(() => matrix.sendState(roomId, 'm.room.topic', '', { topic: rest }))
      return undefined
    case 'join':
      void attempt(async () => navigate(roomPath(await matrix.joinRoom(rest))))
      return undefined
    case 'leave':
      onDialog({ kind: 'leave', room })
      return undefined
  }
}
