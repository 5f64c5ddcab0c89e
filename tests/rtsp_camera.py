"""An RTSP camera of GStreamer's: `/usr/bin/python3 tests/rtsp_camera.py PORT [USER:PASSWORD]`; needs Debian's python3-gi.

Streams H.264 at 10 pictures a second on `/ch1`. The brightness of a picture tells when it was made: it rises by one step
every 100 ms and begins anew after `STEPS`. On standard input: `stall` stops the pictures and keeps the connection,
`go` lets them come again. Says `ready` on standard output; ends with its input.
"""

from __future__ import annotations

import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstApp", "1.0")
gi.require_version("GstRtspServer", "1.0")
from gi.repository import GLib, Gst, GstRtspServer  # noqa: E402

FPS, WIDTH, HEIGHT = 10, 320, 240
STEPS, STEP_MS, DARKEST, APART = 40, 100, 30, 5
LAUNCH = (
    "( appsrc name=source is-live=true do-timestamp=true format=time"
    f" caps=video/x-raw,format=I420,width={WIDTH},height={HEIGHT},framerate={FPS}/1"
    " ! x264enc tune=zerolatency speed-preset=ultrafast key-int-max=10 ! rtph264pay name=pay0 pt=96 )"
)
stalled = threading.Event()


def picture(now_ms: int) -> bytes:
    """A grey picture whose brightness is the time."""
    luma = bytes([DARKEST + APART * (now_ms // STEP_MS % STEPS)]) * (WIDTH * HEIGHT)
    return luma + bytes([128]) * (WIDTH * HEIGHT // 2)


def feed(source: Gst.Element) -> None:
    """Make pictures until nobody wants them."""
    due = time.monotonic()
    while True:
        if not stalled.is_set():
            buffer = Gst.Buffer.new_wrapped(picture(time.time_ns() // 1_000_000))
            if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
                return
        due += 1 / FPS
        time.sleep(max(0.0, due - time.monotonic()))


def configure(_factory: GstRtspServer.RTSPMediaFactory, media: GstRtspServer.RTSPMedia) -> None:
    """A client came: make pictures for it."""
    source = media.get_element().get_child_by_name("source")
    threading.Thread(target=feed, args=(source,), daemon=True).start()


def protect(server: GstRtspServer.RTSPServer, factory: GstRtspServer.RTSPMediaFactory, login: str) -> None:
    """Let in only who has this name and password, by Digest."""
    user, _, password = login.partition(":")
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(2)  # GST_RTSP_AUTH_DIGEST
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, user)
    auth.add_digest(user, password, token)
    permissions = GstRtspServer.RTSPPermissions()
    permissions.add_permission_for_role(user, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_ACCESS, True)
    permissions.add_permission_for_role(user, GstRtspServer.RTSP_PERM_MEDIA_FACTORY_CONSTRUCT, True)
    factory.set_permissions(permissions)
    server.set_auth(auth)


def main() -> None:
    """Serve until the input ends."""
    Gst.init(None)
    server = GstRtspServer.RTSPServer()
    server.set_address("127.0.0.1")
    server.set_service(sys.argv[1])
    factory = GstRtspServer.RTSPMediaFactory()
    factory.set_launch(LAUNCH)
    factory.set_shared(True)
    factory.connect("media-configure", configure)
    server.get_mount_points().add_factory("/ch1", factory)
    if len(sys.argv) > 2:
        protect(server, factory, sys.argv[2])
    loop = GLib.MainLoop()

    def listen() -> None:
        for line in sys.stdin:
            (stalled.set if line.strip() == "stall" else stalled.clear)()
        loop.quit()

    if not server.attach(None):
        sys.exit("the port is taken")
    print("ready", flush=True)
    threading.Thread(target=listen, daemon=True).start()
    loop.run()


if __name__ == "__main__":
    main()
