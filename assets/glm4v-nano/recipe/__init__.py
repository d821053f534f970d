"""The recipe of glm4v-nano: it draws pictures, writes dialogue about them and trains on both.

Imports go down this list:

    train, evaluate     command lines
    metrics             evaluation tasks and scores
    training            datasets, model, optimizers, training loop
    dialogue            questions, replies, examples
    drawing             pictures, pages and videos with labels
    vocabulary, rng     names of colours and shapes; random numbers
"""
