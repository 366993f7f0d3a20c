# What the commands share that make images: pictures in and out, frames, how far it is.
