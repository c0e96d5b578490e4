/**
 * The public members of the library, and after a colon the types of it in what they give. Made by `lint/dev/make_api_table.ts` from the
 * documentation of the library: do not change it by hand.
 */

/** The members of each class, and of each interface with methods. */
export const API_MEMBERS: Readonly<Record<string, string>> = {
  AllocConfigPresets: `
    debug:AllocConfig default:AllocConfig highPerformance:AllocConfig minimal:AllocConfig release:AllocConfig`,
  AssetBatch: `
    Symbol.asyncDispose Symbol.asyncIterator:AssetResult assets:AssetProgress cancel cancelAsset isOver over
    progress:LoadProgress watch:LoadProgress`,
  AssetLoader: `
    budget each:LoadSummary load:AssetBatch|AssetValue reserved`,
  AsyncGuard: `
    check clear crossings dropped epoch mode:AsyncGuardMode onReport reports:AsyncReport`,
  AsyncPoolGuard: `
    Symbol.asyncDispose Symbol.dispose allocBox:OwnedBox allocSlice:ViewOf allocVec:NumberVec|RecordVec bytes
    close:GuardLease dispose:GuardLease free freeAll isClosed name outstanding`,
  Batch: `
    Symbol.iterator:RecordOf at:RecordOf cursor:Cursor length stride view:ViewOf`,
  Box: `
    assign toJSON value:Infer`,
  Budgets: `
    child:ChildBudget setGlobal setTag stats:BudgetStats`,
  ChildBudget: `
    Symbol.dispose charge name release tryCharge uncharge used`,
  Cursor: `
    index next record:RecordOf`,
  FrameAlloc: `
    Symbol.dispose beginFrame beginPhase checkpointGuard:FrameScope currentPhase currentTag dispose endFrame
    endFrameWithSummary:FrameSummary endPhase frame:FrameGuard frameAlloc:RecordOf frameAlloc2:RecordOf
    frameAlloc4:RecordOf|Tuple4 frameAlloc8:RecordOf|Tuple8 frameAllocBatch:Batch frameBox:BoxOf
    frameCheckpoint:FrameCheckpoint frameColumns:ColumnsOf frameMap:FrameMap frameNumber frameRemaining
    frameSlice:ViewOf frameString:FrameString frameVec:NumberVec|RecordVec inFrame phase:PhaseGuard
    previous:PublishedFrame publish rollbackTo runFrame scope:FrameScope speculative:SpeculativeResult
    stats:FrameAllocStats tag:TagGuard tagPath trim tryFrameAlloc:RecordOf tryFrameAlloc2:RecordOf
    tryFrameAlloc4:RecordOf|Tuple4 tryFrameAlloc8:RecordOf|Tuple8 tryFrameAllocBatch:Batch tryFrameBox:BoxOf
    tryFrameColumns:ColumnsOf tryFrameMap:FrameMap tryFrameSlice:ViewOf tryFrameString:FrameString
    tryFrameVec:NumberVec|RecordVec withTag`,
  FrameGuard: `
    Symbol.dispose end`,
  FrameMap: `
    Symbol.iterator:Infer clear delete entries:Infer forEach get:Infer getOrInsert:Infer has keys set size
    toJSON:PlainOf values:Infer`,
  FrameScope: `
    Symbol.dispose commit end isOpen`,
  FrameString: `
    append byteLength bytes:Uint8Array clear toJSON toString`,
  GpuAllocation: `
    Symbol.dispose buffer bytes free handle:GpuHandle isLive offset`,
  GpuAllocator: `
    Symbol.dispose alloc:GpuHandle backend:GpuBackend beginFrame binding buffer bytes:Uint8Array
    calibrate:UploadCosts checkScope copy cpu:SmartAlloc create:GpuAllocation defragment:GpuDefragmentation
    dispose:Leak dump:GpuDump endFrame flush frame:FrameGuard frameNumber free inFrame isLive isLost leaks:Leak
    offset pin read:Uint8Array recover:GpuRecovery ref:GpuAllocation refresh:Uint8Array reserve ring:GpuRing settled
    size stats:GpuStats stream touch trim tryAlloc:GpuHandle tryRead:Uint8Array unpin version write`,
  GpuBackend: `
    clear copy create:GpuBufferId destroy dispose done isFallback limits:GpuLimits loss:GpuLoss map name onLoss raw
    readMapped recreate reopen scatter submit unmap verify:GpuVerdict write`,
  GpuRing: `
    alloc:GpuFramePlace batch:Batch box:BoxOf buffer columns:ColumnsOf offset overflows push:GpuFramePlace
    slice:ViewOf used view:ViewOf`,
  Group: `
    Symbol.dispose createGroup:Group free isFreed name path`,
  Groups: `
    all:Group create:Group stats:GroupStats`,
  Handles: `
    alloc:Handle compact:Compaction fragmentation free isValid pin:PinGuard resolve:RecordOf stats:HandleStats unpin`,
  HeapBlock: `
    Symbol.dispose byteLength bytes:Uint8Array free isFreed view:ViewOf`,
  ImportanceLevels: `
    Ephemeral:RetentionPolicy Persistent:RetentionPolicy Reusable:RetentionPolicy Scratch:RetentionPolicy`,
  Kernels: `
    abs add addScalar and axpy clamp compactInto copy count cullSpheres div dot equal fill gather greater
    greaterEqual integrate iota length lerp less lessEqual max maxOf memoryOf min minOf mul normalize not notEqual
    or scale scatter select sqrt stats:KernelStats sub sum transformPoints use`,
  Lease: `
    Symbol.dispose release value`,
  ListOf: `
    at length`,
  LoadedAsset: `
    Symbol.dispose attempts bytes:Uint8Array id index isReleased keep name ok release size value`,
  Mat: `
    Symbol.iterator at copyFrom fill length set toArray`,
  NullBackend: `
    clear copy create:GpuBufferId destroy dispose done failReopen isFallback latency limits:GpuLimits liveBuffers
    liveBytes lose loss:GpuLoss map name onLoss oomAt raw:Uint8Array readMapped recreate reopen scatter submit unmap
    verify:GpuVerdict write`,
  NumberVec: `
    Symbol.iterator:ElementOf at:ElementOf capacity clear length pop:ElementOf push reserve set view:ViewOf`,
  ObjectPool: `
    Symbol.dispose acquire dispose lease:Lease live name release stats:ObjectPoolStats trim tryAcquire`,
  OwnedBox: `
    Symbol.dispose assign free isFreed toJSON value:Infer`,
  PhaseGuard: `
    Symbol.dispose end`,
  PinGuard: `
    Symbol.dispose end`,
  ProgressSource: `
    watch:LoadProgress`,
  PromotedBox: `
    Symbol.dispose free isFreed record`,
  PromotedSlice: `
    Symbol.dispose free isFreed slice`,
  PromotionResult: `
    of:PromotedBox promotions:Promotion summary:PromotionSummary`,
  PublishedFrame: `
    frameNumber get`,
  RecordList: `
    Symbol.iterator:Infer at:Infer copyFrom length`,
  RecordVec: `
    Symbol.iterator:RecordOf at:RecordOf capacity clear cursor:Cursor length pop:RecordOf push:RecordOf reserve`,
  RegionAlloc: `
    alloc:RecordOf allocBatch:Batch allocBox:BoxOf allocColumns:ColumnsOf allocMap:FrameMap allocSlice:ViewOf
    allocString:FrameString allocVec:NumberVec|RecordVec allocations reserved used`,
  RetentionPolicies: `
    Discard:RetentionPolicy PromoteToHeap:RetentionPolicy PromoteToPool:RetentionPolicy
    PromoteToScratch:RetentionPolicy`,
  ScalarList: `
    Symbol.iterator at copyFrom fill length set toArray`,
  ScratchPool: `
    Symbol.dispose dispose name remaining reset stats:ScratchPoolStats`,
  SmartAlloc: `
    asyncGuard:AsyncGuard budgets:Budgets|SmartAlloc dispose:Leak endFrameWithPromotions:PromotionResult
    frameRetained:RecordOf frameWithImportance:RecordOf groups:Groups handles:Handles heapAlloc:HeapBlock
    heapBox:OwnedBox kernels:Kernels leaks:Leak objectPool:ObjectPool poolAlloc:RecordOf poolBox:OwnedBox poolFree
    promote:Cell|PromotedBox|PromotedSlice scratchPool:ScratchPool stats:Stats streaming:Streaming trim
    tryHeapAlloc:HeapBlock tryHeapBox:OwnedBox tryPoolAlloc:RecordOf tryPoolBox:OwnedBox`,
  Streaming: `
    access:Uint8Array beginLoad:Uint8Array budget finishLoad free has onEvict pin:PinGuard reportProgress reserve
    reserveAsync state:StreamState stats:StreamingStats tryAccess:Uint8Array unpin`,
  StructLayout: `
    assign:StructRecord fields kind offsets rules:LayoutRules toObject:StructPlain`,
  TagGuard: `
    Symbol.dispose end`,
  TaskAlloc: `
    Symbol.asyncDispose Symbol.dispose adopt allocBox:BoxOf|TaskBox child:TaskAlloc defer isReleased name
    promote:Cell|PromotedBox|PromotedSlice|ViewOf release reserved signal`,
  TaskBox: `
    value`,
  UnifiedAllocator: `
    beginFrame cpuAllocator:SmartAlloc createCpuBuffer:UnifiedBuffer createGpuBuffer:UnifiedBuffer
    createStagingBuffer:UnifiedBuffer endFrame frame:FrameGuard getUsage:UnifiedUsage gpuAllocator:GpuAllocator
    gpuDone inFrame transferToCpu transferToGpu`,
  UnifiedBuffer: `
    Symbol.dispose buffer cpuSlice:Uint8Array cpuSliceMut:Uint8Array free handle:GpuHandle isFreed isWritten
    location:BufferLocation offset size`,
  Vec2: `
    copyFrom set toArray x y`,
  Vec3: `
    copyFrom set toArray x y z`,
  Vec4: `
    copyFrom set toArray w x y z`,
  WebGpuBackend: `
    clear copy create:GpuBufferId destroy device dispose done isFallback limits:GpuLimits loss:GpuLoss map name
    onLoss raw readMapped recreate reopen scatter submit unmap verify:GpuVerdict write`,
};
