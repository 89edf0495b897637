/** What both endpoints of previews share. */
import { Type } from 'typebox'
import { forbidden } from '../../../kernel/errors.js'
import type { UserId } from '../../../kernel/identifiers.js'
import type { UrlPreviews } from '../../../media/url-preview/preview-url.js'

/** Undefined where the owner has not asked for previews (`url_previews.enabled`). */
export type PreviewNeeds = { previewUrl: UrlPreviews['previewUrl'] }

export const PreviewQuerySchema = Type.Object({
  url: Type.String({ maxLength: 4_096 }),
  ts: Type.Optional(Type.Integer()), // a newer version may be answered, and always is
})

export const UrlPreviewSchema = Type.Record(Type.String(), Type.Union([Type.String(), Type.Number()]))

export function sendPreview(url: string, asker: { userId: UserId; signal: AbortSignal }, { previewUrl }: PreviewNeeds) {
  if (!previewUrl) throw forbidden('This server makes no previews of web pages.')
  return previewUrl(url, asker)
}
