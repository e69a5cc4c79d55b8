// SPDX-License-Identifier: Apache-2.0
// Sends mail with nodemailer. Standard input: a JSON object with `transport` and `messages`, as
// nodemailer takes them; a message's `raw` is in base64. Prints one JSON object a message: what came
// back, or the error.
'use strict';
const nodemailer = require('nodemailer');

async function main() {
    const work = JSON.parse(require('fs').readFileSync(0, 'utf8'));
    const transport = nodemailer.createTransport(work.transport);
    for (const message of work.messages) {
        message.raw = Buffer.from(message.raw, 'base64');
        try {
            const info = await transport.sendMail(message);
            console.log(JSON.stringify({ response: info.response, rejected: info.rejected }));
        } catch (e) {
            console.log(JSON.stringify({ error: e.message, code: e.responseCode }));
        }
    }
    transport.close();
}

main();
