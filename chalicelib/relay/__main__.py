"""Entry point: ends in good order on SIGTERM and SIGINT."""

from __future__ import annotations

import logging
import signal

from chalicelib.relay.agent import Agent


def main() -> None:
    logging.getLogger("paramiko").setLevel(logging.CRITICAL)
    agent = Agent()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: agent.stop())
    agent.run()


if __name__ == "__main__":
    main()
