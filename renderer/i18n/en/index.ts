/** The English catalogue: the source of the keys. One file per part of the interface. */
import { chat } from './chat.js'
import { common } from './common.js'

export const en = { ...common, ...chat } as const
