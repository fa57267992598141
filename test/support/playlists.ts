/** Files of several kinds that make some players fetch what they name: here something at this port of our own host. */
export function playlistsTo(port: number): readonly string[] {
  const url = `http://127.0.0.1:${port}/x.mp3`;
  return [
    `#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n${url}\n#EXT-X-ENDLIST\n`,
    `ffconcat version 1.0\nfile '${url}'\n`,
    `[playlist]\nFile1=${url}\n`,
    `<ASX version="3.0"><Entry><Ref href="${url}"/></Entry></ASX>`,
    `v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\nc=IN IP4 127.0.0.1\r\nm=audio ${port} RTP/AVP 0\r\n`,
  ];
}
