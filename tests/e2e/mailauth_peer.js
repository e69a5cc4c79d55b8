// SPDX-License-Identifier: Apache-2.0
// tests/e2e/mailauth_peer.js: what mailauth makes of messages. The folder has MESSAGES.eml; with
// "verify" a line is printed for each with its results, with "sign" NAME.signed is written.
//
//     node mailauth_peer.js verify FOLDER ZONE.json
//     node mailauth_peer.js sign FOLDER KEY.pem ALGORITHM      # NAME.pair has its canonicalization
'use strict';
const fs = require('fs');
const path = require('path');
const { dkimVerify } = require('mailauth/lib/dkim/verify');
const { dkimSign } = require('mailauth/lib/dkim/sign');

async function main() {
    const [what, folder, file, algorithm] = process.argv.slice(2);
    for (const name of fs.readdirSync(folder).filter(n => n.endsWith('.eml')).sort()) {
        const message = fs.readFileSync(path.join(folder, name));
        if (what === 'verify') {
            const zone = JSON.parse(fs.readFileSync(file)).names;
            const resolver = async (host, type) => [[zone[host.replace(/\.$/, '')][type][0]]];
            const answer = await dkimVerify(message, { resolver, curTime: new Date(1700000000000) });
            console.log(name, answer.results.map(r => r.status.result).join(' '));
            continue;
        }
        const signed = await dkimSign(message, {
            canonicalization: fs.readFileSync(path.join(folder, name + '.pair'), 'latin1'),
            algorithm,
            signatureData: [{
                signingDomain: 'a.example',
                selector: algorithm.split('-')[0],
                privateKey: fs.readFileSync(file, 'latin1'),
            }],
            signTime: new Date(1700000000000),
        });
        if (signed.errors.length)
            throw new Error(JSON.stringify(signed.errors));
        const field = Buffer.from(signed.signatures.trimEnd() + '\r\n', 'latin1');
        fs.writeFileSync(path.join(folder, name + '.signed'), Buffer.concat([field, message]));
    }
}
main().catch(e => { console.error(e); process.exit(1); });
