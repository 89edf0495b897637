/**
 * The composer: text with markdown, files with a caption, completions, edits and replies.
 *
 * Enter sends and Shift+Enter makes a line (on touch screens Enter makes a line). Drafts persist per
 * room; an edit has a text of its own and leaves the draft alone.
 */
import { Mic, SendHorizontal } from 'lucide-react'
import { type ChangeEvent, type ClipboardEvent, type KeyboardEvent, useEffect, useId, useRef, useState } from 'react'
import type { RoomSummaryRow } from '../../../../server/api/live/rows.js'
import { usePreferences } from '../../../app/preferences.js'
import { useServices } from '../../../app/services.js'
import { t } from '../../../i18n/index.js'
import type { RoomData } from '../../../live/live-data.js'
import { IconButton } from '../../../ui/button.js'
import type { ChatDialog } from '../dialogs/dialogs.js'
import { stripReplyFallback } from '../message-preview.js'
import type { Names } from '../names.js'
import type { ComposerTask } from '../room-view.js'
import { findTrigger, type Suggestion, type Trigger } from './completion.js'
import { CompletionPopup } from './completion-popup.js'
import styles from './composer.module.css'
import { AttachButton, EmojiButton, FormatMenu } from './composer-tools.js'
import { type Draft, readDraft, storeDraft } from './drafts.js'
import { FileTray } from './file-tray.js'
import { formatted, inserted, type Stretch } from './format-text.js'
import { type Mention, mentionsIn } from './markdown.js'
import { sendDraft, sendVoice } from './send-draft.js'
import { TaskLine } from './task-line.js'
import { useAttachments } from './use-attachments.js'
import { canRecord, useRecorder } from './use-recorder.js'
import { useSuggestions } from './use-suggestions.js'
import { useTypingNotice } from './use-typing-notice.js'
import { VoiceBar } from './voice-bar.js'

type ComposerProps = {
  room: RoomSummaryRow
  data: RoomData
  names: Names
  task: ComposerTask | undefined
  onTask: (task: ComposerTask | undefined) => void
  /** Files dropped on the room; taken over here. */
  dropped: File[]
  onDroppedTaken: () => void
  onEditLast: () => void
  onDialog: (dialog: ChatDialog) => void
}

const noDraft: Draft = { text: '', mentions: [] }
const isTouch = () => window.matchMedia('(pointer: coarse)').matches

export function Composer(props: ComposerProps) {
  const { room, data, names, task, onTask, dropped, onDroppedTaken, onEditLast, onDialog } = props
  const services = useServices()
  const { sendTyping } = usePreferences()
  const input = useRef<HTMLTextAreaElement>(null)
  const popupId = useId()
  const [draft, setDraft] = useState<Draft>(() => readDraft(services.storage, room.room_id))
  const [problem, setProblem] = useState<string>()
  const [trigger, setTrigger] = useState<Trigger>()
  const [chosen, setChosen] = useState(0)
  const files = useAttachments(services.matrix, setProblem)
  const voice = useRecorder()
  const noteTyping = useTypingNotice(services, room.room_id, sendTyping)
  const isEdit = task?.kind === 'edit'
  const suggestions = useSuggestions(trigger, data)

  useEffect(() => {
    if (dropped.length === 0) return
    files.add(dropped)
    onDroppedTaken()
  }, [dropped, files.add, onDroppedTaken])

  // An edit brings its own text; leaving it brings the draft back.
  useEffect(() => {
    setProblem(undefined)
    if (task?.kind === 'edit') {
      const text = stripReplyFallback(String(task.item.content.body ?? ''))
      setDraft({ text, mentions: mentionsIn(task.item.content, text) })
    } else setDraft(readDraft(services.storage, room.room_id))
    if (task) input.current?.focus()
  }, [task, room.room_id, services.storage])

  const change = (next: Draft) => {
    setDraft(next)
    if (!isEdit) storeDraft(services.storage, room.room_id, withReplyOf(next, task))
    noteTyping(next.text.length > 0 && !next.text.startsWith('/'))
  }
  const onChange = (event: ChangeEvent<HTMLTextAreaElement>) => {
    change({ ...draft, text: event.target.value })
    setTrigger(findTrigger(event.target.value, event.target.selectionStart))
    setChosen(0)
  }

  const take = (suggestion: Suggestion) => {
    if (!trigger) return
    const text = draft.text.slice(0, trigger.start) + suggestion.insert + draft.text.slice(trigger.end)
    const mentions: Mention[] =
      suggestion.kind === 'user'
        ? [...draft.mentions, { text: suggestion.insert.trim(), userId: suggestion.userId }]
        : draft.mentions
    change({ text, mentions })
    setTrigger(undefined)
    const cursor = trigger.start + suggestion.insert.length
    requestAnimationFrame(() => input.current?.setSelectionRange(cursor, cursor))
  }

  /** Changes the text where the cursor is, and goes on from there. */
  const edit = (work: (at: Stretch) => Stretch) => {
    const { selectionStart = draft.text.length, selectionEnd = draft.text.length } = input.current ?? {}
    const next = work({ text: draft.text, start: selectionStart, end: selectionEnd })
    change({ ...draft, text: next.text })
    requestAnimationFrame(() => {
      input.current?.focus()
      input.current?.setSelectionRange(next.start, next.end)
    })
  }

  const stopTask = () => {
    onTask(undefined)
    if (task?.kind === 'reply')
      storeDraft(services.storage, room.room_id, { text: draft.text, mentions: draft.mentions })
  }

  const send = () => {
    const refusal = sendDraft({ services, room, draft, task, files: files.list, onDialog })
    setProblem(refusal)
    if (refusal) return
    files.clear()
    noteTyping(false)
    setTrigger(undefined)
    if (!isEdit) storeDraft(services.storage, room.room_id, noDraft)
    setDraft(isEdit ? readDraft(services.storage, room.room_id) : noDraft)
    onTask(undefined)
  }

  const speak = () => {
    setProblem(undefined)
    voice.start().catch(() => setProblem(t('voice.noMicrophone')))
  }
  const sendSpoken = async () => {
    const recording = await voice.finish()
    if (!recording) return setProblem(t('voice.nothing'))
    sendVoice({ services, room, task }, recording)
    if (task) stopTask()
  }

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing) return // an input method is choosing characters
    if (suggestions.length > 0 && steerPopup(event)) return
    if (event.key === 'Enter' && !event.shiftKey && !isTouch()) {
      event.preventDefault()
      send()
    } else if (event.key === 'Escape' && task) {
      event.preventDefault()
      stopTask()
    } else if (event.key === 'ArrowUp' && draft.text === '' && !task && files.list.length === 0) {
      event.preventDefault()
      onEditLast()
    }
  }

  /** @returns whether the popup took the key */
  function steerPopup(event: KeyboardEvent): boolean {
    const last = suggestions.length - 1
    if (event.key === 'ArrowDown') setChosen(chosen >= last ? 0 : chosen + 1)
    else if (event.key === 'ArrowUp') setChosen(chosen <= 0 ? last : chosen - 1)
    else if (event.key === 'Tab' || (event.key === 'Enter' && !event.shiftKey)) take(suggestions[chosen]!)
    else if (event.key === 'Escape') setTrigger(undefined)
    else return false
    event.preventDefault()
    return true
  }

  const onPaste = (event: ClipboardEvent) => {
    const pasted = [...event.clipboardData.files]
    if (pasted.length === 0) return
    event.preventDefault()
    files.add(pasted)
  }

  if (!room.can.send) return <p className={styles.closed}>{t('composer.noPermission')}</p>
  const canSend = draft.text.trim() !== '' || files.list.length > 0
  const offersVoice = !canSend && !isEdit && canRecord()
  return (
    <form
      className={styles.composer}
      onSubmit={(event) => {
        event.preventDefault()
        send()
      }}
    >
      {suggestions.length > 0 && (
        <CompletionPopup id={popupId} suggestions={suggestions} chosen={chosen} onChoose={setChosen} onTake={take} />
      )}
      {task && <TaskLine task={task} names={names} data={data} onStop={stopTask} />}
      {problem && (
        <p className={styles.note} role="alert">
          {problem}
        </p>
      )}
      {files.list.length > 0 && <FileTray files={files.list} onRemove={files.remove} />}
      {voice.elapsedMs !== undefined && (
        <VoiceBar elapsedMs={voice.elapsedMs} onSend={() => void sendSpoken()} onCancel={voice.cancel} />
      )}
      <div className={styles.row} hidden={voice.elapsedMs !== undefined}>
        {!isEdit && <AttachButton onFiles={files.add} />}
        <textarea
          ref={input}
          className={styles.input}
          rows={1}
          dir="auto"
          value={draft.text}
          placeholder={t('composer.placeholder', { room: room.name })}
          aria-label={t('composer.label', { room: room.name })}
          maxLength={30_000}
          aria-haspopup="listbox"
          aria-autocomplete="list"
          aria-controls={suggestions.length > 0 ? popupId : undefined}
          aria-activedescendant={suggestions.length > 0 ? `${popupId}-${chosen}` : undefined}
          enterKeyHint={isTouch() ? 'enter' : 'send'}
          onChange={onChange}
          onKeyDown={onKeyDown}
          onPaste={onPaste}
          onBlur={() => setTrigger(undefined)}
          // biome-ignore lint/a11y/noAutofocus: writing is what an opened room is for
          autoFocus={!isTouch()}
        />
        <FormatMenu onFormat={(format) => edit((at) => formatted(at, format))} />
        <EmojiButton onPick={(emoji) => edit((at) => inserted(at, emoji))} />
        {offersVoice ? (
          <IconButton label={t('voice.start')} side="top" onClick={speak}>
            <Mic size={18} aria-hidden />
          </IconButton>
        ) : (
          <IconButton label={t('composer.send')} type="submit" side="top" disabled={!canSend} className={styles.send}>
            <SendHorizontal size={18} aria-hidden />
          </IconButton>
        )}
      </div>
    </form>
  )
}

const withReplyOf = (draft: Draft, task: ComposerTask | undefined): Draft =>
  task?.kind === 'reply' ? { ...draft, replyTo: task.eventId } : { text: draft.text, mentions: draft.mentions }
