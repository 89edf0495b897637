/**
 * Mail, by the mail server that the configuration names.
 *
 * Nothing of what is said to that server reaches a log: its address carries a password, and mails carry tokens.
 */
import { createTransport } from 'nodemailer'

export type Mail = { to: string; subject: string; text: string }
/** @throws Error when the mail server did not take it within the time */
export type SendMail = (mail: Mail) => Promise<void>

const timeouts = { connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 15_000, dnsTimeout: 10_000 }

/** Undefined where no mail server is configured. */
export function makeSendMail(config: {
  smtp_url?: string | undefined
  from?: string | undefined
}): SendMail | undefined {
  const { smtp_url: url, from } = config
  if (url === undefined || from === undefined) return undefined
  const transport = createTransport(url, { from, disableFileAccess: true, disableUrlAccess: true })
  Object.assign(transport.options, timeouts)
  return async ({ to, subject, text }) => {
    // As an object: an address in a string could be read as several.
    await transport.sendMail({
      to: { name: '', address: to },
      subject,
      text,
      headers: { 'auto-submitted': 'auto-generated' },
    })
  }
}
