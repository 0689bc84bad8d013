# SPDX-License-Identifier: BSL-1.0
"""The other side of python_peer.cpp; only the standard library. Its standard input says where to connect, and with which key."""
import array
import sys
from multiprocessing.connection import Client

address = sys.stdin.buffer.readline().rstrip(b'\n').decode()
key = sys.stdin.buffer.readline().rstrip(b'\n')

with Client(address, authkey=key) as connection:
    message = connection.recv()
    station, readings = message['station'], message['readings']
    assert isinstance(readings, array.array)
    mean = sum(readings) / len(readings)
    connection.send({
        'summary': {'text': '%(name)s, %(height)s m' % station, 'mean': mean, 'count': len(readings)},
        'doubled': array.array('d', [2 * reading for reading in readings]),
    })
