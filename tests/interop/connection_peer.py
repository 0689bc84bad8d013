# SPDX-License-Identifier: BSL-1.0
"""The other end of interop/connection.cpp: `connection_peer.py what arguments...`. Tells what happened by frames on its standard
output: the address where it listens, and then "ok" or the name of an exception."""
import ast
import hashlib
import os
import socket
import struct
import sys
import tempfile
from multiprocessing import AuthenticationError, current_process, reduction
from multiprocessing.connection import Client, Connection, Listener, Pipe, wait


def tell(text):
    body = text.encode('utf-8', 'surrogateescape')
    sys.stdout.buffer.write(struct.pack('=I', len(body)) + body)
    sys.stdout.buffer.flush()


def echo(connection):
    """Sends back what comes, until the end."""
    with connection:
        while True:
            try:
                connection.send_bytes(connection.recv_bytes())
            except EOFError:
                return


def key_of(text):
    return ast.literal_eval(text)


def listen(kind, key, folder):
    address = {'AF_INET': ('localhost', 0), 'AF_UNIX': folder + '/socket', 'abstract': '\0' + folder, 'own': None}[kind]
    with Listener(address, authkey=key_of(key)) as listener:
        address = listener.address
        if isinstance(address, bytes):
            address = address.decode()
        tell('%s\n%d' % address if isinstance(address, tuple) else address)
        echo(listener.accept())


def connect(address, key):
    echo(Client(ast.literal_eval(address), authkey=key_of(key)))


def inherit(fd):
    echo(Connection(int(fd)))


def objects(fd):
    connection = Connection(int(fd))
    while True:
        try:
            value = connection.recv()
        except EOFError:
            return
        connection.send({'text': repr(value), 'value': value})


def digest(fd):
    """Of messages that are too large to be sent back."""
    connection = Connection(int(fd))
    while True:
        try:
            message = connection.recv_bytes()
        except EOFError:
            return
        size = len(message)
        connection.send_bytes(hashlib.sha256(message).digest())
        del message
        connection.send_bytes(b'x' * size)


def handles(fd):
    connection = Connection(int(fd))
    # A descriptor that came: the write end of a pipe.
    received = reduction.recv_handle(connection)
    os.write(received, b'from python')
    os.close(received)
    # And one that goes.
    read, write = os.pipe()
    os.write(write, b'in the pipe')
    os.close(write)
    reduction.send_handle(connection, read, connection.recv())
    os.close(read)
    # Several at once.
    with socket.fromfd(connection.fileno(), socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        first, second = reduction.recvfds(sock, 2)
        reduction.sendfds(sock, [second, first])
        os.close(first)
        os.close(second)


def pickled(fd, key):
    """A Connection and a socket, pickled: the receiver fetches them from this process."""
    current_process().authkey = key_of(key)
    connection = Connection(int(fd))
    here, there = Pipe(duplex=False)
    connection.send(here)
    there.send('through a pickled Connection')
    left, right = socket.socketpair()
    connection.send(left)
    right.sendall(b'through a pickled socket')
    assert connection.recv() == 'got both'


def fetching(fd, key):
    """Connections come, and one goes back."""
    current_process().authkey = key_of(key)
    connection = Connection(int(fd))
    received = connection.recv()
    assert received.writable and not received.readable
    received.send('from Python')
    received.close()
    both = connection.recv()
    both['connections'][1].send([both['name']] * 2)
    del both
    here, there = Pipe()
    connection.send({'mine': here, 'name': 'x'})
    here.close()
    assert there.recv() == 'through it'
    there.close()
    # One that is never unpickled.
    connection.recv_bytes()
    connection.send('closing')


def fetching_client(address, key):
    """As a Client, which both ends know to be one of Python's."""
    current_process().authkey = key_of(key)
    connection = Client(address, authkey=key_of(key))
    received = connection.recv()
    received.send('by a handshake')
    connection.send(received)
    assert connection.recv() == 'done'


def refused(fd, key):
    """With another key, nothing is fetched."""
    current_process().authkey = key_of(key)
    connection = Connection(int(fd))
    try:
        connection.recv()
    except AuthenticationError:
        connection.send('refused')


def waiting(fd):
    connection = Connection(int(fd))
    assert wait([connection], 0) == []
    connection.send('poll me')
    assert wait([connection], 30) == [connection]
    assert connection.recv() == 'polled'


if __name__ == '__main__':
    try:
        globals()[sys.argv[1]](*sys.argv[2:])
        tell('ok')
    except Exception as error:
        tell(type(error).__name__)
