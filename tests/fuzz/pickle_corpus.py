"""Writes first inputs for the fuzzer of pickle: pickle_corpus.py FOLDER COUNT. Pickles of every kind, by Python's own hand."""
import os
import pickle
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), os.pardir, 'interop'))
import pickle_peer  # noqa: E402

folder = sys.argv[1]
os.makedirs(folder, exist_ok=True)
for number in range(int(sys.argv[2])):
    maker = pickle_peer.Maker(number)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        try:
            message = pickle.dumps(maker.value(number % 4), protocol)
        except Exception:
            continue
        if len(message) < 1000:
            with open(os.path.join(folder, f'{number}_{protocol}'), 'wb') as file:
                file.write(message)
