/**
 * Mail, by the mail server that the configuration names.
 *
 * Nothing of what is said to that server reaches a log: its address carries a password, and mails carry tokens.
 */
import type { Transporter } from 'nodemailer'

export type Mail = { to: string; subject: string; text: string }
/** @throws Error when the mail server did not take it within the time */
export type SendMail = (mail: Mail) => Promise<void>

/** Times in milliseconds; a mail takes nothing of this machine along. */
const limits = {
  ...{ connectionTimeout: 10_000, greetingTimeout: 10_000, socketTimeout: 15_000, dnsTimeout: 10_000 },
  ...{ disableFileAccess: true, disableUrlAccess: true },
}

/** Undefined where no mail server is configured. @param times for tests; otherwise those above */
export function makeSendMail(
  config: { smtp_url?: string | undefined; from?: string | undefined },
  times: Partial<typeof limits> = limits,
): SendMail | undefined {
  const { smtp_url: url, from } = config
  if (url === undefined || from === undefined) return undefined
  let opened: Promise<Transporter> | undefined
  // Loaded with the first mail: most servers send none.
  const open = async () => (await import('nodemailer')).createTransport({ url, ...limits, ...times }, { from })
  return async ({ to, subject, text }) => {
    opened ??= open()
    const transport = await opened
    // As an object: an address in a string could be read as several.
    await transport.sendMail({
      to: { name: '', address: to },
      subject,
      text,
      headers: { 'auto-submitted': 'auto-generated' },
    })
  }
}
