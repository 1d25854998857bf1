// Numbers instead of names derived from paths: the bundle is the same in every checkout.
module.exports = { optimization: { moduleIds: 'natural', chunkIds: 'natural' } };
