/**
 * What of an event can be searched: the text of a message, the name and the topic of a room. What is encrypted says nothing.
 *
 * Spec: https://spec.matrix.org/v1.19/client-server-api/#server-side-search
 */
import { isJsonObject, type JsonObject } from './pdu.js'
import { relationOf } from './relations.js'

export const searchKeys = ['content.body', 'content.name', 'content.topic'] as const
export type SearchKey = (typeof searchKeys)[number]

const keyOfType: Readonly<Record<string, SearchKey>> = {
  'm.room.message': 'content.body',
  'm.room.name': 'content.name',
  'm.room.topic': 'content.topic',
}

type Event = { type: string; content: JsonObject; state_key?: string | undefined }

export const searchKeyOf = ({ type, state_key }: Event): SearchKey | undefined => {
  const key = Object.hasOwn(keyOfType, type) ? keyOfType[type] : undefined
  return (key === 'content.body') === (state_key === undefined) ? key : undefined
}

/** @param edit its newest valid edit; undefined for an event without text, and for an edit itself */
export function searchedText(event: Event, edit?: { content: JsonObject }): string | undefined {
  const key = searchKeyOf(event)
  if (!key || relationOf(event)?.relType === 'm.replace') return undefined
  const content = edit ? edit.content['m.new_content'] : event.content
  const text = isJsonObject(content) ? content[key.slice('content.'.length)] : undefined
  return typeof text === 'string' && text !== '' ? text : undefined
}
